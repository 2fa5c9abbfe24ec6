# SPDX-License-Identifier: Apache-2.0
# Printers for weft's small types. gdb reads this in the source folder once it is trusted:
#   echo "add-auto-load-safe-path $PWD/.gdbinit" >> ~/.config/gdb/gdbinit
source scripts/gdb_printers.py
