# The quickstart's wire, machines and pods: network namespaces whose names begin with heddle-.
# Sourced by deploy/quickstart.

make_wire() {
  ip netns add "$underlay"
  ip -n "$underlay" -batch - <<LINES
link set lo up
link add wire type bridge
addr add $wire_ip/24 dev wire
addr add fd00:2::ffff/64 dev wire nodad
link set wire up
LINES
}

# make_machine NAME N: the namespace heddle-NAME with the wire's addresses 192.0.2.N and fd00:2::N.
make_machine() {
  local name=$1 n=$2
  ip netns add "heddle-$name"
  ip netns exec "heddle-$name" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
    net.ipv6.conf.default.accept_dad=0
  ip -n "$underlay" link add "to-$name" type veth peer name eth0 netns "heddle-$name"
  ip -n "$underlay" link set "to-$name" master wire up
  ip -n "heddle-$name" -batch - <<LINES
link set lo up
addr add 192.0.2.$n/24 dev eth0
addr add fd00:2::$n/64 dev eth0 nodad
link set eth0 up
route add default via $wire_ip
route add default via fd00:2::ffff
LINES
}

# A pod as flannel's CNI plugin makes it from subnet.env: a bridge with the subnet's first address,
# the pod on it with the second.
make_pod() {
  local n=$1
  local host=heddle-h$n pod=heddle-p$n
  local FLANNEL_SUBNET="" FLANNEL_IPV6_SUBNET="" FLANNEL_MTU=""
  . "$state/h$n/subnet.env"
  ip netns add "$pod"
  ip netns exec "$pod" sysctl -q -w net.ipv6.conf.default.accept_dad=0
  ip -n "$host" link add cni0 mtu "$FLANNEL_MTU" type bridge
  ip -n "$host" link add pod mtu "$FLANNEL_MTU" type veth \
    peer name eth0 mtu "$FLANNEL_MTU" netns "$pod"
  ip -n "$host" link set pod master cni0 up
  ip -n "$host" link set cni0 up
  ip -n "$pod" link set lo up
  ip -n "$pod" link set eth0 up
  local gateway
  for gateway in $FLANNEL_SUBNET $FLANNEL_IPV6_SUBNET; do
    ip -n "$host" addr add "$gateway" dev cni0
    ip -n "$pod" addr add "$(next_address "$gateway")" dev eth0
    ip -n "$pod" route add default via "${gateway%/*}"
    next_address "$gateway" | cut -d/ -f1 >> "$state/p$n.addresses"
  done
}

# 10.10.3.1/24 -> 10.10.3.2/24: the gateway of a subnet ends in its first address.
next_address() {
  python3 -c 'import ipaddress, sys
i = ipaddress.ip_interface(sys.argv[1]); print("%s/%d" % (i.ip + 1, i.network.prefixlen))' "$1"
}

# One line per pod: whether it reaches each other pod, in every family that pods have.
ping_matrix() {
  echo "Pings from the pod of each host (rows) to the pod of each other host:"
  local from to failed=0 hosts=$((hosts > 20 ? 20 : hosts))
  printf '%6s' ""
  for to in $(seq "$hosts"); do printf '%5s' "p$to"; done
  echo
  for from in $(seq "$hosts"); do
    printf '%6s' "p$from"
    for to in $(seq "$hosts"); do
      local mark=ok
      if [ "$from" = "$to" ]; then
        mark=-
      elif ! pod_pings "$from" "$to"; then
        mark=FAIL failed=1
      fi
      printf '%5s' "$mark"
    done
    echo
  done
  [ "$hosts" = "$(cat "$state/hosts")" ] || echo "(the first $hosts of them)"
  if [ $failed = 1 ]; then
    if grep -qi '"alloc"' "$state/net-conf.json"; then
      echo "The alloc backend only lends subnets; packets between hosts are somebody else's work."
    else
      echo "Some pods do not reach each other; see 'deploy/quickstart ctl node list -o wide' and the"
      echo "logs in $state."
      return 1
    fi
  fi
}

pod_pings() {
  local address
  while read -r address; do
    ip netns exec "heddle-p$1" ping -c 1 -W 1 -q "$address" > /dev/null 2>&1 || return 1
  done < "$state/p$2.addresses"
}

remove_namespaces() {
  local namespace
  for namespace in $(ip netns list | awk '{print $1}' | grep -E '^heddle-(underlay|[ehcp][0-9]+)$'); do
    ip netns delete "$namespace"
  done
}
