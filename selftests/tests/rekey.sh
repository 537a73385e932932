#!/bin/sh
# rekey: traffic moves to fresh master secrets while it runs, and loses nothing; crossing offers
# TIMEOUT: 180
exec python3 "${0%.sh}.py"
