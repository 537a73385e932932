#!/bin/sh
# apps: whose app it is, what it may have and do, and what becomes of it when its process is gone
# TIMEOUT: 240
exec python3 "${0%.sh}.py"
