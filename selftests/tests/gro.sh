#!/bin/sh
# gro: datagrams of another SA are not merged behind those of a group's, which GRO does not look at
# KERNELS: 5.10 6.1 6.12 7.2 debug
exec python3 "${0%.sh}.py"
