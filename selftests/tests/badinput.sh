#!/bin/sh
# badinput: every command refuses what is wrong, says what it was, and leaves nothing behind
# TIMEOUT: 180
exec python3 "${0%.sh}.py"
