# The main job, step by step, through the aws command line. Sourced after common.sh, with AWS
# credentials in the environment and $endpoint set. The demo shows it; the boot test relies on it.
# shellcheck shell=bash

# step TITLE COMMAND...: runs the command and says how long it took. Output goes to the step log.
step() {
    local title=$1 start end log=build/demo.log
    shift
    mkdir -p build
    printf '  %-44s' "$title" >&2
    start=$(date +%s%3N)
    if ! "$@" >"$log.step" 2>&1; then
        echo failed >&2
        cat "$log.step" >>"$log"
        tail -15 "$log.step" >&2
        die "step '$title' failed; all output is in $log"
    fi
    cat "$log.step" >>"$log"
    end=$(date +%s%3N)
    printf '%8d ms\n' $((end - start)) >&2
}

aws_() { command aws --endpoint-url "$endpoint" --cli-read-timeout 60 "$@"; }
ec2() { aws_ ec2 "$@"; }

parameter_of() { jq -r '.ssm_parameters[0]' "images/$1/image.json"; }

# What user data runs: a small web server that also survives in a captured image.
page_text="baked by Karat"
user_data_for() {
    case "$1" in
    tiny) cat <<'DATA'
#!/bin/sh
mkdir -p /www
echo "baked by Karat" >/www/index.html
dd if=/dev/urandom of=/www/data bs=1M count=24
printf '#!/bin/sh\nhttpd -h /www\n' >/etc/rc.d/50-httpd
chmod +x /etc/rc.d/50-httpd
DATA
    ;;
    *) cat <<'DATA'
#!/bin/sh
mkdir -p /srv/www
echo "baked by Karat" >/srv/www/index.html
cat >/etc/systemd/system/page.service <<'UNIT'
[Unit]
Description=A page
After=network.target
[Service]
ExecStart=/usr/bin/python3 -m http.server --directory /srv/www 80
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --now page.service
DATA
    ;;
    esac
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local limit=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$limit" ] || { echo "gave up waiting for: $*" >&2; return 1; }
        sleep 0.2
    done
}

instance_field() { ec2 describe-instances --instance-ids "$1" --query "Reservations[].Instances[].$2" --output text; }
image_state() { ec2 describe-images --image-ids "$1" --query 'Images[].State' --output text; }
has_state() { [ "$(instance_field "$1" State.Name)" = "$2" ]; }
image_is() { [ "$(image_state "$1")" = "$2" ]; }
snapshot_of() { ec2 describe-images --image-ids "$1" --query 'Images[].BlockDeviceMappings[].Ebs.SnapshotId' --output text; }
serves_page() { curl -sf --max-time 5 "http://$1/" | grep -qF "$page_text"; }

has_console() { [ -n "$(ec2 get-console-output --instance-id "$1" --output text)" ]; }

open_port_80() {
    ec2 describe-security-groups --group-names web >/dev/null 2>&1 && return 0
    ec2 create-security-group --group-name web --description "port 80 for everyone"
    ec2 authorize-security-group-ingress --group-name web --protocol tcp --port 80 --cidr 0.0.0.0/0
}

run_first() {
    seed=$(aws_ ssm get-parameters --names "$(parameter_of "$image_name")" --query 'Parameters[].Value' --output text)
    user_data_for "$image_name" >build/demo.user-data
    first=$(ec2 run-instances --image-id "$seed" --instance-type "$instance_type" --security-groups web \
        --user-data file://build/demo.user-data --query 'Instances[].InstanceId' --output text)
    first_address=$(instance_field "$first" PublicIpAddress)
}

create_image() { # NAME [--no-reboot]
    created=$(ec2 create-image --instance-id "$first" --name "$@" --query ImageId --output text)
    wait_for 300 image_is "$created" available
}

run_three() {
    clones=$(ec2 run-instances --image-id "$1" --instance-type "$instance_type" --security-groups web --count 3 \
        --query 'Instances[].InstanceId' --output text)
}

all_serve() {
    local id
    for id in $clones; do
        wait_for "$patience" serves_page "$(instance_field "$id" PublicIpAddress)"
    done
}

stop_and_start() {
    ec2 stop-instances --instance-ids "$1"
    wait_for 120 has_state "$1" stopped
    ec2 start-instances --instance-ids "$1"
    wait_for 60 has_state "$1" running
    wait_for "$patience" serves_page "$(instance_field "$1" PublicIpAddress)"
}

# shellcheck disable=SC2086 # the lists of ids are lists
terminate() {
    ec2 terminate-instances --instance-ids "$@"
    local id
    for id in "$@"; do wait_for 120 has_state "$id" terminated; done
}

retire() { # IMAGE...
    local id snapshot
    for id in "$@"; do
        snapshot=$(snapshot_of "$id")
        ec2 deregister-image --image-id "$id"
        ec2 delete-snapshot --snapshot-id "$snapshot"
    done
}

packs_bytes() { build/release/karat --data "$data" --json status | jq .store.pack_bytes; }

# main_job IMAGE TYPE: leaves the store as it was, the images and instances gone.
main_job() {
    image_name=$1 instance_type=$2
    [ "$1" = tiny ] && patience=120 || patience=600
    local suffix live with
    suffix=$(date +%s)
    step "open port 80 in a security group"          open_port_80
    step "run-instances from $1"                      run_first
    step "its user data turned it into a web server"  wait_for "$patience" serves_page "$first_address"
    step "create-image webserver-v1 (with reboot)"    create_image "webserver-v1-$suffix"
    with=$created
    step "the page is back after the reboot"          wait_for "$patience" serves_page "$first_address"
    step "create-image --no-reboot"                   create_image "webserver-live-$suffix" --no-reboot
    live=$created
    step "run-instances --count 3 from webserver-v1"  run_three "$with"
    step "all three serve the page"                   all_serve
    step "get-console-output"                         has_console "$first"
    step "stop, start, and the page again"            stop_and_start "$first"
    # shellcheck disable=SC2086
    step "terminate all four"                         terminate "$first" $clones
    local full; full=$(packs_bytes)
    step "deregister-image and delete-snapshot"       retire "$with" "$live"
    step "the collector frees their space"            build/release/karat --data "$data" store gc
    say "  packs: $full bytes before, $(packs_bytes) after"
}
