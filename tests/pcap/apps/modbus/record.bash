# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-pymodbus, python3-serial-asyncio
record() {
	is modbus tcp 502
	cat >"$work/server.py" <<-'END'
		from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
		from pymodbus.server import StartTcpServer
		block = ModbusSequentialDataBlock(0, [17] * 100)
		StartTcpServer(context=ModbusServerContext(slaves=ModbusSlaveContext(hr=block, co=block), single=True), address=("192.0.2.9", 502))
	END
	serve /usr/bin/python3 "$work/server.py"
	until_true listens tcp 502
	on_client /usr/bin/python3 - <<-'END'
		from pymodbus.client import ModbusTcpClient
		c = ModbusTcpClient("192.0.2.9", port=502)
		c.connect()
		c.read_holding_registers(1, 4, 1)
		c.write_register(1, 5, 1)
		c.read_coils(1, 8, 1)
		c.close()
	END
}
