#!/bin/sh
# ipv6: dual-stack sockets, links, options, fragments, path MTU, ICMPv6: only ESP on the wire
exec python3 "${0%.sh}.py"
