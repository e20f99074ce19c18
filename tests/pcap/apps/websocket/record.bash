# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: python3-websockets
record() {
	is websocket tcp 8765
	serve /usr/bin/python3 -c '
import asyncio, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def main():
    async with websockets.serve(echo, "192.0.2.9", 8765):
        await asyncio.Future()
asyncio.run(main())'
	until_true listens tcp 8765
	on_client /usr/bin/python3 -c '
import asyncio, websockets
async def main():
    async with websockets.connect("ws://192.0.2.9:8765/") as socket:
        await socket.send("hello")
        await socket.recv()
asyncio.run(main())'
}
