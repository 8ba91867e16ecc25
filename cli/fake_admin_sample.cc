// The sample state of the fake AdminService.

#include "absl/time/time.h"
#include "api/backend_schema.h"
#include "api/convert.h"
#include "api/convert_probe.h"
#include "cli/fake_admin.h"

namespace heddle::cli {
namespace {

std::int64_t FromNow(absl::Duration offset) { return absl::ToUnixMillis(FakeNow() + offset); }

v1::Advertisement AdvertisementOf(int number) {
  Advertisement out;
  out.public_address[Family::kV4] = Ip(Family::kV4, 0xC0000200u + static_cast<unsigned>(number));
  out.backend_type = "vxlan";
  out.vtep_mac = {{0x02, 0x11, 0x22, 0x33, 0x44, static_cast<std::uint8_t>(number)}};
  return ToProto(out);
}

v1::Lease LeaseOf(int number, const std::string& state) {
  v1::Lease lease;
  lease.set_node_id("host-" + std::to_string(number));
  const Prefix v4 = *Prefix::Parse("10.3.0.0/16"), v6 = *Prefix::Parse("fd00:3::/48");
  const auto index = static_cast<unsigned>(number);
  *lease.mutable_ipv4_subnet() = ToProto(Prefix(v4.at(index << 8), 24));
  *lease.mutable_ipv6_subnet() = ToProto(Prefix(v6.at(absl::uint128(index) << 64), 64));
  *lease.mutable_advertisement() = AdvertisementOf(number);
  lease.set_state(state);
  lease.set_expires_unix_ms(state == "reserved" ? 0 : FromNow(absl::Hours(23)));
  lease.set_modified_revision(10 + index);
  return lease;
}

v1::Node NodeOf(const v1::Lease& lease) {
  v1::Node node;
  node.set_node_id(lease.node_id());
  node.set_attached(lease.state() != "detached");
  node.set_remote_address("192.0.2.9:40000");
  node.set_software_version("0.1.0");
  node.set_applied_revision(20);
  node.set_peers(2);
  node.set_attached_unix_ms(FromNow(-absl::Minutes(125)));
  node.set_last_heard_unix_ms(FromNow(-absl::Seconds(3)));
  *node.mutable_lease() = lease;
  node.mutable_reachability()->set_probed(2);
  node.mutable_reachability()->set_reachable(2);
  return node;
}

Probe Answered(std::uint32_t bytes, int microseconds) {
  return {bytes, true, absl::Microseconds(microseconds), ""};
}

v1::DiagnoseEvent PairEvent(const std::string& from, const std::string& to, int microseconds) {
  PeerProbe probe;
  probe.node_id = to;
  probe.backend_type = "vxlan";
  probe.underlay_address = *Ip::Parse("192.0.2.7");
  probe.overlay_address = *Ip::Parse("10.3.7.0");
  probe.underlay_small = Answered(100, microseconds);
  probe.underlay_full = Answered(1500, microseconds);
  probe.overlay_small = Answered(100, 2 * microseconds);
  probe.overlay_full = Answered(1450, 2 * microseconds);
  v1::DiagnoseEvent event;
  event.set_node_id(from);
  *event.mutable_probe() = ToProto(probe);
  event.set_verdict("ok");
  return event;
}

// host-1 is well, host-2 loses large packets, host-10 is not there.
void AddDiagnosis(FakeState* state) {
  v1::DiagnoseEvent back = PairEvent("host-2", "host-1", 120);
  back.set_verdict("mtu_black_hole");
  back.set_advice(
      "from host-2 to host-1 small packets pass, but on the overlay 1450 bytes are lost");
  back.mutable_probe()->mutable_overlay_full()->set_answered(false);
  back.mutable_probe()->set_overlay_largest_bytes(1350);
  v1::DiagnoseEvent finding, absent, done;
  finding.set_node_id("host-2");
  finding.mutable_host()->set_cause("firewall");
  finding.mutable_host()->set_message("FORWARD drops");
  absent.set_node_id("host-10");
  absent.set_node_done(true);
  absent.set_node_error("it is not attached, so it cannot be asked");
  done.set_node_id("host-1");
  done.set_node_done(true);
  done.set_max_peers(1);
  state->diagnosis = {finding, PairEvent("host-1", "host-2", 80), back, absent, done};
}

v1::Network SampleNetwork() {
  Network network;
  Range v4;
  v4.network = *Prefix::Parse("10.3.0.0/16");
  v4.subnet_length = 24;
  v4.subnet_min = *Ip::Parse("10.3.1.0");
  v4.subnet_max = *Ip::Parse("10.3.255.0");
  network.ranges[Family::kV4] = v4;
  network.backend = *CompleteBackend({"vxlan", {}});
  return ToProto(network);
}

void AddNodesAndLeases(FakeState* state) {
  state->leases.set_revision(20);
  state->nodes.set_revision(20);
  // host-10 first: the order of the answer is not the order of the list.
  for (int number : {10, 2, 1}) {
    const char* lease_state = number == 10 ? "detached" : number == 2 ? "reserved" : "active";
    *state->leases.add_leases() = LeaseOf(number, lease_state);
    *state->nodes.add_nodes() = NodeOf(state->leases.leases().rbegin()[0]);
  }
  state->nodes.mutable_nodes(1)->set_held_removals(12);
  state->nodes.mutable_nodes(0)->set_applied_revision(9);
  v1::Reachability* reach = state->nodes.mutable_nodes(1)->mutable_reachability();
  reach->set_reachable(1);
  reach->add_failures("host-10 (192.0.2.10) does not answer host-2");
  *state->leases.add_leases() = LeaseOf(7, "resting");
  state->leases.mutable_leases(3)->set_expires_unix_ms(FromNow(absl::Minutes(4)));
  state->leases.mutable_leases(3)->clear_advertisement();
}

void AddStatus(v1::GetStatusResponse* status) {
  status->set_version("0.1.0");
  status->set_engine("rocksdb");
  status->mutable_position()->set_history("5f3a");
  status->mutable_position()->set_revision(20);
  status->set_writable(true);
  status->set_store_bytes(3 << 19);
  status->set_attached_nodes(2);
  status->set_leases(3);
  status->set_oldest_delta_revision(1);
  status->set_started_unix_ms(FromNow(-absl::Hours(50)));
  status->set_controller_id("c-1");
  status->set_leader_id("c-1");
}

// c-1 leads, c-2 has lost the store, c-10 does not answer.
void AddControllers(FakeState* state) {
  for (const char* id : {"c-1", "c-2", "c-10"}) {
    v1::ControllerState* entry = state->controllers.add_controllers();
    entry->set_id(id);
    entry->set_address(std::string(id) + ".example:7411");
    entry->set_version("0.1.0");
    entry->set_serving(true);
    *entry->mutable_status() = state->status;
    entry->mutable_status()->set_controller_id(id);
    entry->mutable_status()->set_engine("etcd");
  }
  v1::ControllerState* leader = state->controllers.mutable_controllers(0);
  leader->set_leader(true);
  v1::GetStatusResponse* stale = state->controllers.mutable_controllers(1)->mutable_status();
  stale->mutable_position()->set_revision(17);
  stale->clear_leader_id();
  stale->set_writable(false);
  stale->set_store_detail("no member answers");
  stale->set_store_unreachable_since_unix_ms(FromNow(-absl::Minutes(3)));
  v1::ControllerState* silent = state->controllers.mutable_controllers(2);
  silent->set_serving(false);
  silent->set_error("it has not answered within 1s");
  silent->clear_status();
  state->controllers.set_answered_by("c-1");
  state->step_down.set_former_leader("c-1");
  state->step_down.set_leader("c-2");
}

void AddEvents(FakeState* state) {
  v1::WatchEvent put, removed, network;
  put.set_revision(21);
  put.set_kind("put");
  put.mutable_peer()->set_node_id("host-1");
  *put.mutable_peer()->mutable_ipv4_subnet() = state->leases.leases(2).ipv4_subnet();
  *put.mutable_peer()->mutable_advertisement() = state->leases.leases(2).advertisement();
  removed.set_revision(22);
  removed.set_kind("removed");
  removed.mutable_peer()->set_node_id("host-10");
  network.set_revision(23);
  network.set_kind("network");
  *network.mutable_network() = SampleNetwork();
  state->events = {put, removed, network};
}

}  // namespace

FakeState SampleState() {
  FakeState state;
  AddNodesAndLeases(&state);
  AddStatus(&state.status);
  AddControllers(&state);
  AddEvents(&state);
  AddDiagnosis(&state);
  AddTokensAndCertificates(&state);
  *state.network.mutable_network() = SampleNetwork();
  state.network.set_source_json(R"({"Network":"10.3.0.0/16","Backend":{"Type":"vxlan"}})");
  state.network.set_revision(4);
  state.network.set_subnets_total_ipv4(255);
  state.network.set_subnets_used_ipv4(3);
  state.network.set_subnets_resting_ipv4(1);
  state.set_network.set_revision(21);
  state.set_network.set_changed(true);
  state.set_network.add_effects("SubnetMax grows from 10.3.255.0 to 10.7.255.0.");
  state.set_network.add_notices("Two of the bounds are the defaults.");
  state.wait.set_revision(21);
  return state;
}

}  // namespace heddle::cli
