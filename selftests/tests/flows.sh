#!/bin/sh
# flows: a flow passes to another group or socket of its app, and ends with its namespace
exec python3 "${0%.sh}.py"
