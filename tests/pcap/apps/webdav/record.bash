# SPDX-License-Identifier: GPL-2.0-or-later
# Debian: nginx-extras, cadaver
record() {
	is webdav tcp 80
	mkdir "$work/www" "$work/tmp"
	chmod 777 "$work" "$work/www" "$work/tmp"
	cat >"$work/nginx.conf" <<-END
		load_module modules/ngx_http_dav_ext_module.so;
		daemon off;
		pid $work/nginx.pid;
		error_log $work/error.log;
		events { }
		http {
			access_log off;
			client_body_temp_path $work/tmp;
			dav_ext_lock_zone zone=locks:1m;
			server {
				listen 192.0.2.9:80;
				root $work/www;
				dav_methods PUT DELETE MKCOL COPY MOVE;
				dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
				dav_ext_lock zone=locks;
			}
		}
	END
	serve nginx -c "$work/nginx.conf"
	until_true listens tcp 80
	on_client curl -s -o /dev/null -X PROPFIND -H 'Depth: 1' http://192.0.2.9/
	on_client curl -s -o /dev/null -X MKCOL http://192.0.2.9/folder/
}
