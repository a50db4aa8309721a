#!/bin/bash
# Runs at each start of JupyterLab, as its user: checks the workshop's code out once. Later starts
# leave the folder, and whatever the user changed in it, alone.
set -eu
repository=@REPOSITORY@
checkout=@CHECKOUT@
folder="${HOME:?}/$(basename "$repository" .git)"
if [ -e "$folder" ]; then
  echo "$folder exists; leaving it as it is."
  exit 0
fi
# Cloned aside and moved when complete: a start that is cut off is repeated, not half kept.
partial="$(mktemp -d "$HOME/.checkout.XXXXXX")"
trap 'rm -rf "$partial"' EXIT
if git clone --quiet "$repository" "$partial/code" &&
  git -C "$partial/code" -c advice.detachedHead=false checkout --quiet "$checkout"; then
  mv "$partial/code" "$folder"
else
  # JupyterLab must start all the same: the user can clone by hand.
  echo "Could not check out $checkout of $repository." >&2
fi
