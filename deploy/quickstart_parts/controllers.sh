# The quickstart's controllers: one with its own store on the machine of the wire, or several on
# machines of their own beside a three-member etcd. Sourced by deploy/quickstart.

etcd_members=3

# The machine and port of each controller, as nodes and heddlectl are told them.
controller_addresses() {
  local count=$1
  if [ "$count" = 1 ]; then
    echo "$wire_ip:7411"
  else
    seq -s, -f '192.0.2.%g:7411' 201 $((200 + count))
  fi
}

ctl() {
  HEDDLECTL_IDENTITY=$state/admin.pem ip netns exec "$underlay" \
    "$bin/heddlectl" --controller "$(controller_addresses "$(cat "$state/controllers")")" "$@"
}

# init_controller NAME FIRST: its keys and certificates; those of the first one come with the CA and
# the administrator's identity, all others are of that CA.
init_controller() {
  local name=$1 first=$2
  if [ "$name" != "$first" ]; then
    install -d -m 700 "$state/$name" "$state/$name/tls"
    cp -p "$state/$first/tls/ca.pem" "$state/$first/tls/ca-key.pem" "$state/$name/tls/"
  fi
  "$bin/heddle-controller" init --id "$name" --data-dir "$state/$name" \
    --admin-identity "$state/admin.pem" > "$state/$name.init" ||
    die "heddle-controller init failed"
}

# What several controllers take besides, as start says it; else nothing.
for_several() {
  [ "$controllers" = 1 ] ||
    echo "heddle-controller init                         for each other one, beside a copy of the CA
  "
}

start_controllers() {
  local count=$1 n
  if [ "$count" = 1 ]; then
    init_controller controller controller
    start_program controller "$underlay" "$bin/heddle-controller" --id controller \
      --net-conf "$state/net-conf.json" --data-dir "$state/controller" --listen "$wire_ip:7411"
    wait_for "the controller answers" controller ctl status
    return
  fi
  start_etcd
  for n in $(seq "$count"); do
    make_machine "c$n" $((200 + n))
    init_controller "c$n" c1
    start_program "c$n" "heddle-c$n" "$bin/heddle-controller" --id "c$n" \
      --net-conf "$state/net-conf.json" --data-dir "$state/c$n" \
      --listen "192.0.2.$((200 + n)):7411" --etcd-endpoints "$(etcd_addresses)"
  done
  for n in $(seq "$count"); do
    wait_for "controller c$n answers" "c$n" controller_answers "$n"
  done
  wait_for "a controller leads" c1 leader
}

controller_answers() {
  ip netns exec "$underlay" "$bin/heddlectl" --identity "$state/admin.pem" \
    --controller "192.0.2.$((200 + $1)):7411" status
}

etcd_addresses() { seq -s, -f '192.0.2.%g:2379' 211 $((210 + etcd_members)); }

start_etcd() {
  local n cluster=""
  for n in $(seq $etcd_members); do cluster+=,e$n=http://192.0.2.$((210 + n)):2380; done
  for n in $(seq $etcd_members); do
    local client=http://192.0.2.$((210 + n)):2379 peer=http://192.0.2.$((210 + n)):2380
    make_machine "e$n" $((210 + n))
    start_program "e$n" "heddle-e$n" /usr/bin/etcd --name "e$n" --data-dir "$state/e$n" \
      --listen-client-urls "$client" --advertise-client-urls "$client" \
      --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
      --initial-cluster "${cluster#,}" --initial-cluster-state new \
      --initial-cluster-token heddle-quickstart --logger zap --log-level warn
  done
  for n in $(seq $etcd_members); do
    wait_for "etcd member e$n serves" "e$n" etcd_serves "$n"
  done
}

etcd_serves() {
  ip netns exec "$underlay" env ETCDCTL_API=3 etcdctl --command-timeout 2s \
    --endpoints "192.0.2.$((210 + $1)):2379" endpoint health
}

# The id of the controller that leads, as the controllers say; fails while none does.
leader() {
  ctl controller list -o json | python3 -c '
import json, sys
print(next(c["id"] for c in json.load(sys.stdin)["controllers"] if c.get("leader")))' 2> /dev/null
}

need_several() {
  [ "$(cat "$state/controllers")" -gt 1 ] ||
    die "this cluster has one controller; start one with --controllers 3"
}

# Kills what a cluster of several must survive, while a pod pings another: not one packet is lost,
# another controller leads, and a lease is given.
fail_over() {
  local former next target began give_up_at=$((SECONDS + 30))
  [ "$(cat "$state/hosts")" -ge 2 ] || die "that takes two hosts to ping between"
  former=$(leader) || die "no controller leads; deploy/quickstart ctl controller list"
  target=$(head -n 1 "$state/p2.addresses")
  ip netns exec heddle-p1 ping -i 0.02 -q "$target" > "$state/fail-over.ping" 2>&1 &
  local ping=$!
  sleep 1
  echo "p1 pings p2 fifty times a second. Killing $former, which leads, and the etcd member e1 ..."
  began=$EPOCHREALTIME
  end_program "$former" -KILL
  end_program e1 -KILL
  # One that is dead is still listed as the leader until its time is over.
  until next=$(leader) && [ "$next" != "$former" ]; do
    if [ $SECONDS -ge $give_up_at ]; then
      kill "$ping"
      die "no other controller leads after 30 seconds; logs are in $state"
    fi
    sleep 0.2
  done
  ctl lease reserve fail-over > /dev/null && ctl lease release fail-over > /dev/null || {
    kill "$ping"
    die "$next leads and gives no lease; its log is $state/$next.log"
  }
  python3 -c "print('%s leads and has given a lease %.1f seconds later.' % (
      '$next', $EPOCHREALTIME - $began))"
  sleep 1
  kill -INT "$ping"
  wait "$ping" || true
  grep transmitted "$state/fail-over.ping"
  revive_program "$former"
  revive_program e1
  wait_for "etcd member e1 serves again" e1 etcd_serves 1
  wait_for "$former serves again" "$former" controller_answers "${former#c}"
  echo "Both run again, and $(leader) leads."
  grep -q ' 0% packet loss' "$state/fail-over.ping" || die "the pods lost packets"
}
