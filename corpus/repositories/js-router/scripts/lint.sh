#!/bin/sh
# Every source file parses, and none has a tab.
set -eu
for file in lib/*.js test/*.js; do
  node --check "$file"
done
if grep -n "$(printf '\t')" lib/*.js; then
  echo "error: tabs are not allowed"
  exit 1
fi
