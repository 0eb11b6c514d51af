#!/usr/bin/env bash
# Records what the pictures show, on the Kubernetes of KUBECONFIG, with the `pulumi` on PATH, and takes the picture of the
# dashboard, which needs Chromium (`make browser`). Nothing of it stays on the Kubernetes cluster.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
recorded=$root/docs/pictures/recorded
work=$(mktemp -d)
export PULUMI_BACKEND_URL=file://$work PULUMI_CONFIG_PASSPHRASE='' PULUMI_SKIP_UPDATE_CHECK=true PULUMI_DEBUG_COMMANDS=true
shown=(--stack dev --non-interactive --color always --suppress-progress)
mkdir -p "$recorded" "$work/program" && cd "$work/program"
ln -s "$root/components" "$root/.venv" . && cp "$root"/{__main__.py,Pulumi.yaml,Pulumi.dev.yaml} .
pulumi stack init dev
pulumi up --yes --skip-preview "${shown[@]}"
sed -i 's/^\( *\)workers:$/\1env: {OMP_NUM_THREADS: "1"}\n&/' Pulumi.dev.yaml
pulumi preview "${shown[@]}" >"$recorded/preview.ansi"
address=$(pulumi stack output schedulerAddress --stack dev)
client() { "$root/.venv/bin/python" -W ignore "$root/tools/pictures/client.py" "$address" "$@"; }
"$root/.venv/bin/python" -W ignore "$root/tools/pictures/dashboard.py" \
  "$address" "$(pulumi stack output dashboardUrl --stack dev)" "$root/docs/pictures/dashboard.png"
client 80 "$work/before.json" &
before=$!
sleep 5
pulumi up --yes --skip-preview "${shown[@]}" --event-log "$work/events.json" &
update=$!
count=0
while kill -0 $update 2>/dev/null; do
  count=$((count + 1))
  client 1 "$work/new-$count.json" &
  sleep 2
done
wait $update $before
wait
pulumi destroy --yes --skip-preview "${shown[@]}" >/dev/null
cd "$root" && .venv/bin/python -m tools.pictures.client "$work" >"$recorded/update.json"
