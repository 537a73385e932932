#!/bin/sh
# foreign: no other socket sends, receives or disturbs what a flow claims
# TIMEOUT: 180
exec python3 "${0%.sh}.py"
