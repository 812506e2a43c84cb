# Starting and stopping a daemon of ours over one data directory. Sourced after common.sh.
# shellcheck shell=bash

# Whether a process runs and has our data directory in its command line.
is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$2"; }

# start_service DATA PORT: starts karatd in the background unless it answers already. Sets `endpoint`.
start_service() {
    local data=$1 port=$2 pid tries
    mkdir -p -m 700 "$data"
    if pid=$(cat "$data/karatd.pid" 2>/dev/null) && is_ours "$pid" "$data"; then
        endpoint=$(cat "$data/run/endpoint")
        return 0
    fi
    rm -f "$data/run/endpoint"
    (umask 077 && : >>"$data/karatd.log")
    setsid build/release/karatd --set "data_directory=$data" --set "port=$port" \
        </dev/null >>"$data/karatd.log" 2>&1 &
    pid=$!
    (umask 077 && echo "$pid" >"$data/karatd.pid")
    for tries in $(seq 300); do
        [ -s "$data/run/endpoint" ] && endpoint=$(cat "$data/run/endpoint") && return 0
        is_ours "$pid" "$data" || [ "$tries" -lt 5 ] || { tail -5 "$data/karatd.log" >&2; die "karatd did not start; its log is $data/karatd.log"; }
        sleep 0.1
    done
    die "karatd did not answer within 30 s; its log is $data/karatd.log"
}

# Ends by its pid file one process that carries the data directory in its command line.
end_process() {
    local file=$1 data=$2 pid tries
    pid=$(cat "$file" 2>/dev/null) || return 0
    is_ours "$pid" "$data" || return 0
    kill "$pid" 2>/dev/null || return 0
    for tries in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null || true
}

# stop_service DATA: the daemon first, so that it starts nothing again; then guests, networks, karat-blk.
stop_service() {
    local data=$1 file
    end_process "$data/karatd.pid" "$data"
    for file in "$data"/run/machines/*/*.pid "$data"/run/*.pid; do
        [ -e "$file" ] && end_process "$file" "$data"
    done
    return 0
}

# seed_image DATA RECIPE: builds and registers a seed image of the publisher, once.
seed_image() {
    local data=$1 recipe=$2 facts=images/$2/image.json disk=$PWD/build/images/$2.raw name
    local karat=(build/release/karat --data "$data")
    "${karat[@]}" account list | cut -f2 | grep -qx publisher ||
        "${karat[@]}" account create publisher --alias amazon >/dev/null
    name=$(jq -r .name "$facts" | sed "s/-{date}//")
    "${karat[@]}" image list --account publisher | cut -f2 | grep -q "^$name" && return 0
    if [ ! -e "$disk" ]; then
        mkdir -p build/images
        images/build "$recipe" "$disk" 2>"build/images/$recipe.log" ||
            { tail -5 "build/images/$recipe.log" >&2; die "the recipe $recipe failed; see build/images/$recipe.log"; }
    fi
    "${karat[@]}" image import "$disk" --account publisher --format raw --public \
        --name "$name-$(date -u +%Y%m%d)" --description "$(jq -r .description "$facts")" \
        --boot-mode "$(jq -r .boot_mode "$facts")" --root-device-name "$(jq -r .root_device_name "$facts")" \
        --size "$(jq -r .minimum_volume_size_gib "$facts")" \
        --ssm-parameter "$(jq -r '.ssm_parameters[0]' "$facts")" >/dev/null
}

# user_credentials DATA: makes the account "demo" and a key, once, in a file to source.
user_credentials() {
    local data=$1 file=$1/credentials.sh
    local karat=(build/release/karat --data "$data")
    if [ ! -s "$data/demo-key.sh" ]; then
        "${karat[@]}" account list | cut -f2 | grep -qx demo || "${karat[@]}" account create demo >/dev/null
        (umask 077 && "${karat[@]}" key create demo >"$data/demo-key.sh")
    fi
    # Old clients know no AWS_ENDPOINT_URL; the function serves them, the variable the new ones.
    # The shell opens a redirection before what it redirects runs, so the umask is set around it.
    (umask 077
     { cat "$data/demo-key.sh"
       echo "export AWS_DEFAULT_REGION=us-east-1"
       echo "export AWS_ENDPOINT_URL=$endpoint"
       echo "aws() { command aws --endpoint-url $endpoint \"\$@\"; }"; } >"$file")
    chmod 600 "$file" "$data/demo-key.sh" # those of an older version were readable by others
}
