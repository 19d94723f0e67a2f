#!/usr/bin/env bash
# Formats every C file of the repository with .clang-format; with --check it only says which ones
# are not formatted, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run -Werror)
scripts/tree.py .c .h | xargs -r -P "$(nproc)" -n 20 clang-format "${mode[@]}"
