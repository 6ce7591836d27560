#!/bin/sh
# SPDX-License-Identifier: MIT
# The order shop with the command alone. Killed anywhere, it goes on.
#
#   shop.sh place NUMBER CENTS   takes an order: its record, and the messages that follow from it
#   shop.sh charge               consumes payments, each acknowledged in the commit that records it, until none comes
#   shop.sh mail                 a worker: gives mails to mail.sh, until SIGTERM
set -eu
export PAWL_STORE=sqlite:shop.db
here=$(cd "$(dirname "$0")" && pwd)

place() { # placed again it is the order that is there: the request id comes of its number
    order="{\"number\":\"$1\",\"cents\":$2}"
    pawl submit Place --id-from "$1" --ref "$1" --data "$order" --message "payment/bank:$1=$order" \
        --message "mail/smtp:$1=Thank you for order $1."
}

charge() { # a claim is kept in a file: who is started again finishes it first
    [ -s claimed ] || pawl claim payment bank --wait 1s >claimed
    while read -r id token attempt order <claimed; do
        pawl submit Charge --id-from "$id" --data "$order" --settle "$id:$token=delivered" ||
            [ $? -eq 7 ] # too late: another has the claim now, and nothing was written
        pawl claim payment bank --wait 1s >claimed
    done
}

mail() {
    pawl targets add smtp "exec:$here/mail.sh"
    exec pawl serve --lane mail --allow-exec "$here"
}

pawl init --quiet
"$@"
