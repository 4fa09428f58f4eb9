# What the checks share. To be sourced.

# Everything started here ends with the script; what it printed is in $work.
work=$(mktemp -d)
trap 'exec 2>/dev/null; for pid in $(jobs -p); do kill -KILL "$pid" || true; done; wait; rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    for log in "$work"/*.err; do
        [[ ! -s $log ]] || { echo "--- ${log##*/}" >&2; tail -n 20 "$log" >&2; }
    done
    exit 1
}

# now_ms: milliseconds, of a clock for differences only.
now_ms() {
    echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# nobody_elses_port: a UDP port for the beacons of one check alone.
nobody_elses_port() {
    shuf -i 20000-29999 -n 1
}

# until_true SECONDS WHAT COMMAND...: tries again and again; fails when it takes too long.
until_true() {
    local give_up=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < give_up)) || fail "waited in vain for $what"
        sleep 0.1
    done
}

# together_at LOG...: when all who printed these logs were in one game, in microseconds.
together_at() {
    # A last line may still be half written.
    cat "$@" 2>/dev/null | jq -cR 'fromjson? // empty' |
        jq -s --argjson count $# -f "${BASH_SOURCE[0]%/*}/together.jq"
}

# are_together LOG...
are_together() {
    [[ -n $(together_at "$@") ]]
}

# started_at LOG: when that one said that it had started, in microseconds.
started_at() {
    jq -R 'fromjson? // empty | select(.event == "started") | .t_us' "$1" | head -n 1
}

# open_screen GEOMETRY: an X server on a free display number. It does not begin anew when its last client is gone: who asks
# for a window that is not there yet is one, and the window would be refused meanwhile.
open_screen() {
    Xvfb -displayfd 7 -screen 0 "$1x24" -nolisten tcp -noreset 7>"$work/display" 2>"$work/xvfb.err" &
    until_true 20 "a virtual screen" test -s "$work/display"
    DISPLAY=:$(<"$work/display")
    export DISPLAY
    unset WAYLAND_DISPLAY
}

# window_of NAME: the id of the window of the player of that name.
window_of() {
    xdotool search --onlyvisible --name "^Interregnum .* $1\$" 2>/dev/null | head -n 1
}

# is_shown NAME
is_shown() {
    [[ -n $(window_of "$1") ]]
}

# machines_on_a_switch COUNT: network namespaces m1, m2, …, at 10.77.0.1, 10.77.0.2, …, joined by a bridge.
machines_on_a_switch() {
    local machine
    ip link add switch type bridge
    ip link set switch up
    for ((machine = 1; machine <= $1; machine++)); do
        ip netns add "m$machine"
        ip link add "port$machine" type veth peer name eth0 netns "m$machine"
        ip link set "port$machine" master switch up
        ip -n "m$machine" link set lo up
        ip -n "m$machine" address add "10.77.0.$machine/24" broadcast + dev eth0
        ip -n "m$machine" link set eth0 up
        [[ -z $(ip -n "m$machine" route show default) ]] || fail "there is a default route"
    done
}
