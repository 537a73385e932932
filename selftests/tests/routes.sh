#!/bin/sh
# routes: the way to the peer changes under a stream: nothing is sent in clear, nothing is lost
exec python3 "${0%.sh}.py"
