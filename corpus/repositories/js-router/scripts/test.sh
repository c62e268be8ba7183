#!/bin/sh
set -eu
node --test --test-reporter=tap test/*.test.js
