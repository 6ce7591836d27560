#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A worker of trips in bash, with the pawl command and curl: claims one, makes a step of it, and commits that. trip.py is the same in
# Python, and says what a trip is; both may work on one store. Killed anywhere, its claim comes again once its lease is over.
#
# trip.sh   works in the store of $PAWL_STORE; the office is at the address in ./office.url
set -u
kind=trip

# step RESULT OPTION...: commits it. Status 7: refused, or the claim was lost; nothing was changed then.
step() {
    local result=$1
    shift
    pawl workflows "$result" $kind "$id" "$token" "$@"
}

# field NAME: of the data, which are flat, and have neither quotes nor commas in their texts.
field() {
    [[ $data =~ \"$1\":\ *\"?([^\",}]+) ]] && echo "${BASH_REMATCH[1]}"
}

# ask VERB: asks the office under the trip's key; what it did under this key before it does not again. Status 1: refused for good;
# 2: nobody knows whether it was done, and the same again, under the same key, tells. $answer says more.
ask() {
    local code
    answer=$(curl -sS --max-time 5 -w '\n%{http_code}' -H "Idempotency-Key: $(field key)" -d "$data" "$(cat office.url)/$1" 2>&1) || {
        answer=${answer%%$'\n'*} # no connection, no answer, half of one, too late
        return 2
    }
    code=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    case $code in
    2??) return 0 ;;
    4??) return 1 ;;
    *) return 2 ;;
    esac
}

again() { # counted, and tried again after the backoff of the kind
    step park --error "$answer"
}

# ---- the steps ----

# The key is kept before anything is done under it, with the generation: a trip that failed may be started anew. How the next step
# is undone is said before it is made: who is killed in the middle of it says nothing any more.
reserve() {
    data=${data%\}}", \"key\": \"$kind/$id/$generation\"}"
    step next --state charge --data "$data" --undo "refund=$data" --hold "seat/$(field seat)" && return
    case $? in # no such seat; refused. If it was the claim that was lost, this is refused as well
    3 | 7) step fail --error "the seat is not to be had" ;;
    esac
}

charge() {
    ask charge
    case $? in
    0) step next --state book --undo "unbook=$data" ;;
    1) step fail --error "the bank refuses: $answer" ;; # nothing was done outside; the seat is released
    *) again ;;
    esac
}

book() {
    ask book
    case $? in
    0) step next --state wait ;;
    1) step next --state refused ;;
    *) again ;;
    esac
}

refused() { # what was done is undone, the last first; whoever comes here a second time asks for what is asked for
    pawl workflows cancel $kind "$id" --reason "the railway refuses" && step park
}

# A signal may have come before, and another step taken it: show has them all. One that comes now ends the park.
wait_for_traveller() {
    local shown
    shown=$(pawl workflows show $kind "$id" --json) || return
    [[ $shown == *'"name":"confirm"'* ]] || { step park; return; } # none of these signals has data
    step next --state issue --no-return && return
    [ $? -ne 7 ] || step park # it was cancelled meanwhile: with this step its undoing begins
}

issue() {
    ask issue
    case $? in
    0) step done --receipt "{\"seat\":\"$(field seat)\",\"ticket\":\"$answer\"}" --consume "seat/$(field seat)" --balanced \
        --post "traveller/$id:cent=-$(field cents)" --post "railway:cent=$(field cents)" \
        --message "mail/smtp:$id={\"text\":\"Your $answer.\"}" ;;
    1) step park --rejected --error "no ticket: $answer" ;; # no way back: after some of these it is stuck, for a person
    *) again ;;
    esac
}

undo() { # of this undo it is done: the one before it comes next, and behind the first the trip has failed
    if ask "$state"; then step done; else again; fi
}

drive() {
    case $state in
    reserve | charge | book | refused | issue) $state ;;
    wait) wait_for_traveller ;;
    refund | unbook) undo ;;
    *) step park --rejected --error "a trip in no state of ours: $state" ;;
    esac
}

echo "trip.sh works"
while true; do
    claim=$(pawl workflows claim $kind --wait 10s --consumer trip.sh) || [ $? -eq 5 ] || exit # 5: busy, nothing was written
    [ -n "$claim" ] || continue
    read -r id token generation state data <<<"$claim"
    printf -v data %b "$data"
    drive >&2 # whatever became of it: what was not committed is claimed again
done
