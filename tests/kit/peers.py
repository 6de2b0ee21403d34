# SPDX-License-Identifier: Apache-2.0
"""nginx and haproxy, tuned for streaming uploads, with an access line per request: what Causeway is measured against."""

import os
import pathlib

from kit.ports import free_port
from kit.process import Process, accepts

_NGINX = """\
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
daemon off;
{user}
events {{ worker_connections 16384; }}
http {{
  log_format json escape=json '{{"time":"$time_iso8601","id":"$request_id","client":"$remote_addr",'
    '"method":"$request_method","path":"$uri","status":$status,"in":$request_length,"out":$bytes_sent,'
    '"total":$request_time,"upstream":"$upstream_response_time"}}';
  access_log {folder}/access.log json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  client_body_buffer_size 128k;
  proxy_buffer_size 16k; proxy_buffers 8 128k; proxy_busy_buffers_size 256k;
  keepalive_requests 100000000;
  upstream storage {{ server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 100000000; }}
{map}  server {{
    listen 127.0.0.1:{port}{tls_word} reuseport backlog=4096;
{tls}    location / {{
{check}      proxy_pass http://storage;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""

_TOKENS = """\
  map_hash_bucket_size 256; map_hash_max_size 65536;
  map $http_authorization $member {{
    default "";
{map}  }}
"""

_HAPROXY = """\
global
  nbthread {workers}
  maxconn 4000
  tune.bufsize {buffer}
  tune.pipesize 1048576
  log stdout format raw local0 info
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  option splice-auto
  http-reuse always
  log global
  log-format '{{"time":"%t","id":"%ID","client":"%ci","method":"%HM","path":"%HP","status":%ST,"in":%U,"out":%B,"total":%Ta,"upstream":%Tr,"end":"%ts"}}'
frontend clients
  bind 127.0.0.1:{port}{tls_word} backlog 4096
  unique-id-format %[uuid()]
  default_backend storage
backend storage
  server storage 127.0.0.1:{upstream_port} pool-max-conn 256
"""


class Nginx:
    kind = "nginx"

    def __init__(self, folder, upstream_port, *, workers=1, tls=None, cpus=None, tokens=(), **_):
        self.folder = pathlib.Path(folder) / f"nginx-{free_port()}"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        lines = ""
        if tls is not None:
            lines = f"    ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};\n"
        tokens_map = "".join(f'    "Bearer {token}" {number};\n' for number, token in enumerate(tokens, 1))
        config = self.folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=self.folder, workers=workers, upstream_port=upstream_port,
                                        port=self.port, tls=lines, tls_word=" ssl" if tls else "",
                                        map=_TOKENS.format(map=tokens_map) if tokens else "",
                                        check='      if ($member = "") { return 401; }\n' if tokens else "",
                                        user="user root;" if _is_root() else ""))
        self.process = Process("nginx", ["nginx", "-e", self.folder / "error.log", "-c", config], self.folder,
                               cpus=cpus)
        self.process.wait_ready(lambda: accepts(self.port))

    def stop(self, seconds=10) -> int:
        return self.process.stop(seconds)


class Haproxy:
    """Its lines go to its standard output, which is the log file of the process."""

    kind = "haproxy"

    def __init__(self, folder, upstream_port, *, workers=1, tls=None, cpus=None, buffer=131072, **_):
        self.folder = pathlib.Path(folder) / f"haproxy-{free_port()}"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        word = ""
        if tls is not None:
            both = self.folder / "both.pem"
            both.write_text(pathlib.Path(tls[0]).read_text() + pathlib.Path(tls[1]).read_text())
            word = f" ssl crt {both}"
        config = self.folder / "haproxy.cfg"
        config.write_text(_HAPROXY.format(workers=workers, port=self.port, upstream_port=upstream_port, tls_word=word,
                                          buffer=buffer))
        self.process = Process("haproxy", ["haproxy", "-db", "-f", config], self.folder, cpus=cpus)
        self.process.wait_ready(lambda: accepts(self.port))

    def stop(self, seconds=10) -> int:
        return self.process.stop(seconds)


def _is_root() -> bool:
    return os.geteuid() == 0
