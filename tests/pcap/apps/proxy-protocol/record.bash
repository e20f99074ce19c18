# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: curl, nginx
record() {
	is http tcp 80
	cat >"$work/nginx.conf" <<-END
		daemon off;
		pid $work/nginx.pid;
		error_log $work/error.log;
		events { }
		http {
			access_log off;
			server { listen 192.0.2.9:80 proxy_protocol; }
		}
	END
	serve nginx -c "$work/nginx.conf"
	until_true listens tcp 80
	on_client curl -s -o /dev/null --haproxy-protocol http://192.0.2.9/
}
