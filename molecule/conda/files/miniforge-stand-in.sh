#!/bin/sh
# A stand-in of Miniforge's installer, which nothing here can download. It takes that one's options: -b (ask nothing),
# -u (into a folder that is there), -p PREFIX, and leaves what login shells read.
set -e
[ "$1 $2 $3" = "-b -u -p" ]
mkdir -p "$4/bin" "$4/etc/profile.d" "$4/conda-meta"
printf '#!/bin/sh\necho conda 0.0 stand-in\n' >"$4/bin/conda"
chmod +x "$4/bin/conda"
printf 'conda() { "%s/bin/conda" "$@"; }\n' "$4" >"$4/etc/profile.d/conda.sh"
