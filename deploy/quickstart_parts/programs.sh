# The quickstart's programs: started in a namespace, killed and started again by name. Sourced by
# deploy/quickstart. Each has its log, its process id and its command line in $state.

# start_program NAME NAMESPACE COMMAND...: in the background.
start_program() {
  local name=$1
  shift
  printf '%s\0' "$@" > "$state/$name.command"
  revive_program "$name"
}

# Starts a program again as it was started first; its log goes on.
revive_program() {
  local name=$1 command
  mapfile -d '' -t command < "$state/$name.command"
  HEDDLE_QUICKSTART=$name setsid ip netns exec "${command[@]}" >> "$state/$name.log" 2>&1 \
    < /dev/null &
  echo $! > "$state/$name.pid"
}

# The process of a program: by its recorded id, and only if that still is ours.
is_ours() {
  grep -qzx "HEDDLE_QUICKSTART=$1" "/proc/$(cat "$state/$1.pid")/environ" 2> /dev/null
}

# end_program NAME SIGNAL: nothing when it does not run.
end_program() {
  if is_ours "$1"; then kill "$2" "$(cat "$state/$1.pid")" 2> /dev/null || true; fi
}

program_names() {
  local file
  for file in "$state"/*.pid; do
    [ ! -e "$file" ] || basename "$file" .pid
  done
}

end_all_programs() {
  local names name waited=0
  names=$(program_names)
  for name in $names; do end_program "$name" -TERM; done
  while still_running && [ $waited -lt 50 ]; do
    sleep 0.1
    waited=$((waited + 1))
  done
  for name in $names; do end_program "$name" -KILL; done
}

still_running() {
  local name
  for name in $(program_names); do
    ! is_ours "$name" || return 0
  done
  return 1
}

# The forwarders that the nodes started, which are nobody's children: by their program and socket.
forwarder_ids() {
  local id
  for id in $(grep -lzxE -e "(--socket=)?$state/h[0-9]+/state/forwarder\.sock" \
    /proc/[0-9]*/cmdline 2> /dev/null | cut -d/ -f3); do
    case $(readlink "/proc/$id/exe") in
      "$bin/heddle-forwarder"*) echo "$id" ;;
    esac
  done
}

# After the nodes, which would start them again.
end_forwarders() {
  local ids signal waited
  for signal in -TERM -KILL; do
    ids=$(forwarder_ids)
    [ -n "$ids" ] || return 0
    kill "$signal" $ids 2> /dev/null || true
    for waited in $(seq 50); do
      [ -n "$(forwarder_ids)" ] || return 0
      sleep 0.1
    done
  done
}

# wait_for WHAT PROGRAM CONDITION...: until it holds, the program ends, or 30 seconds have passed.
wait_for() {
  local what=$1 program=$2 tries=0 why="not within 30 seconds"
  shift 2
  until "$@" > /dev/null 2>&1; do
    tries=$((tries + 1))
    if ! is_ours "$program"; then
      # A program that has just been started is not itself yet.
      if [ $tries -gt 10 ]; then why="the program has ended"; tries=1000; fi
    fi
    if [ $tries -gt 150 ]; then
      echo "quickstart: $what: $why. The end of its log:" >&2
      tail -n 25 "$state/$program.log" >&2
      return 1
    fi
    sleep 0.2
  done
}

# program_of NAME: of a machine as the user says it (h1, c1, e1, controller).
program_of() {
  case $1 in
    h[0-9]*) echo "node-$1" ;;
    *) echo "$1" ;;
  esac
}

kill_by_name() {
  local name
  name=$(program_of "$1")
  [ -e "$state/$name.pid" ] || die "there is no '$1'; kill one of: $(machine_names)"
  is_ours "$name" || die "$1 does not run; deploy/quickstart revive $1 starts it"
  end_program "$name" -KILL
  echo "Killed $1 (SIGKILL). deploy/quickstart revive $1 starts it again."
}

revive_by_name() {
  local name
  name=$(program_of "$1")
  [ -e "$state/$name.command" ] || die "there is no '$1'; revive one of: $(machine_names)"
  ! is_ours "$name" || die "$1 runs"
  revive_program "$name"
  echo "Started $1 again; its log is $state/$name.log."
}

machine_names() { program_names | sed 's/^node-//' | sort -V | tr '\n' ' '; }
