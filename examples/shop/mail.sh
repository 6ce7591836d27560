#!/bin/sh
# SPDX-License-Identifier: MIT
# A target of the shop: the mail is on standard input. It may come again, under the same id: one that was sent is left alone.
set -eu
sent=$HOME/sent
mkdir -p "$sent"
[ ! -e "$sent/$PAWL_MESSAGE_ID" ] || exit 0
cat >"$sent/$PAWL_MESSAGE_ID.new"
mv "$sent/$PAWL_MESSAGE_ID.new" "$sent/$PAWL_MESSAGE_ID"
