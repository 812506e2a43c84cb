#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./dev demo: the main job, end to end, through the unmodified aws command line:
#   a seed image -> a web server -> captured as webserver-v1 -> three identical servers -> all gone again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/dev/common.sh
source tools/dev/service.sh
source tools/dev/main_job.sh

data=$PWD/build/data port=4566 image=auto
while [ $# -gt 0 ]; do
    case "$1" in
    --data) data=$2; shift 2 ;;
    --port) port=$2; shift 2 ;;
    --image) image=$2; shift 2 ;;
    *) die "demo takes --data DIR, --port N and --image tiny|debian-12, not '$1'" ;;
    esac
done

began=$SECONDS
step "install what is missing"        setup_packages build run images test
step "build"                          build release karatd karat karat-net karat-blk
step "start the service"              start_service "$data" "$port"
endpoint=$(cat "$data/run/endpoint")
step "make an account and its keys"   user_credentials "$data"
# shellcheck disable=SC1091
source "$data/credentials.sh"
step "build and register tiny"        seed_image "$data" tiny
accelerator=$(build/release/karat --data "$data" --json status | jq -r .accelerator)
[ "$image" = auto ] && { [ "$accelerator" = kvm ] && image=debian-12 || image=tiny; }
[ "$image" = tiny ] || step "build and register $image" seed_image "$data" "$image"
[ "$image" = debian-12 ] && type=t3.small || type=t3.nano
say "  machines run by $accelerator; the image is $image"
main_job "$image" "$type"

cat >&2 <<END

Done in $((SECONDS - began)) s. The service goes on at $endpoint; ./dev stop ends it.

  source $data/credentials.sh

Then try:
  aws ec2 describe-images --owners amazon --query 'Images[].[ImageId,Name]' --output text
  aws ssm get-parameters-by-path --path /aws/service --recursive --query 'Parameters[].[Name,Value]' --output text
  aws ec2 run-instances --image-id resolve:ssm:$(parameter_of "$image") --instance-type $type
  aws ec2 describe-instances --query 'Reservations[].Instances[].[InstanceId,State.Name,PublicIpAddress]' --output text
  aws ec2 get-console-output --output text --instance-id i-...
  aws ec2 create-image --name my-image --instance-id i-...
END
