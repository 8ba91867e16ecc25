#compdef heddlectl
# Completion of heddlectl for zsh. Use: source <(heddlectl completion zsh)
_heddlectl_choices() {
  local at='' skip='' previous='' word=''
  choices='' noun='' files=''
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=''; continue; fi
    case "$word" in
    --controller|-o|--output|--timeout-seconds|--wait-timeout-seconds|--after-revision|--peer|--max-peers|--node-timeout-seconds) skip=1; previous="$word" ;;
    -*) ;;
    *)
      case "$at $word" in
      ' network'|' lease'|' node'|' controller'|' backup'|' restore'|' watch'|' status'|' doctor'|' completion'|'network show'|'network set'|'network check'|'network plan'|'lease list'|'lease show'|'lease reserve'|'lease release'|'node list'|'node show'|'node renumber'|'node accept'|'node remove'|'controller list'|'controller status'|'controller step-down'|'completion bash'|'completion zsh'|'completion fish') at="${at:+$at }$word" ;;
      esac
      ;;
    esac
  done
  if [ -n "$skip" ]; then
    case "$previous" in
    -o|--output) choices='table wide json yaml name' ;;
    esac
    return
  fi
  case "$at" in
  '') choices='network lease node controller backup restore watch status doctor completion --help --controller --output --timeout-seconds --version' ;;
  'network') choices='show set check plan --help --controller --output --timeout-seconds' ;;
  'network show') choices='--help --controller --output --timeout-seconds' ;;
  'network set') choices='--help --drain --wait --wait-timeout-seconds --controller --output --timeout-seconds' files=1 ;;
  'network check') choices='--help --drain --controller --output --timeout-seconds' files=1 ;;
  'network plan') choices='--help --drain --controller --output --timeout-seconds' files=1 ;;
  'lease') choices='list show reserve release --help --controller --output --timeout-seconds' ;;
  'lease list') choices='--help --resting --controller --output --timeout-seconds' ;;
  'lease show') choices='--help --controller --output --timeout-seconds' noun=node ;;
  'lease reserve') choices='--help --wait --wait-timeout-seconds --controller --output --timeout-seconds' noun=node ;;
  'lease release') choices='--help --wait --wait-timeout-seconds --yes --controller --output --timeout-seconds' noun=node ;;
  'node') choices='list show renumber accept remove --help --controller --output --timeout-seconds' ;;
  'node list') choices='--help --controller --output --timeout-seconds' ;;
  'node show') choices='--help --controller --output --timeout-seconds' noun=node ;;
  'node renumber') choices='--help --finish --wait --wait-timeout-seconds --yes --controller --output --timeout-seconds' noun=node ;;
  'node accept') choices='--help --wait --wait-timeout-seconds --controller --output --timeout-seconds' noun=node ;;
  'node remove') choices='--help --wait --wait-timeout-seconds --yes --controller --output --timeout-seconds' noun=node ;;
  'controller') choices='list status step-down --help --controller --output --timeout-seconds' ;;
  'controller list') choices='--help --controller --output --timeout-seconds' ;;
  'controller status') choices='--help --controller --output --timeout-seconds' noun=controller ;;
  'controller step-down') choices='--help --controller --output --timeout-seconds' ;;
  'backup') choices='--help --controller --output --timeout-seconds' files=1 ;;
  'restore') choices='--help --replace --dry-run --yes --controller --output --timeout-seconds' files=1 ;;
  'watch') choices='--help --after-revision --controller --output --timeout-seconds' ;;
  'status') choices='--help --controller --output --timeout-seconds' ;;
  'doctor') choices='--help --peer --max-peers --node-timeout-seconds --verbose --controller --output --timeout-seconds' noun=node ;;
  'completion') choices='bash zsh fish --help --controller --output --timeout-seconds' ;;
  'completion bash') choices='--help --controller --output --timeout-seconds' ;;
  'completion zsh') choices='--help --controller --output --timeout-seconds' ;;
  'completion fish') choices='--help --controller --output --timeout-seconds' ;;
  esac
  if [ -n "$noun" ]; then
    choices="$choices $(heddlectl "$noun" list -o name --timeout-seconds 2 2>/dev/null)"
  fi
}

_heddlectl() {
  local choices noun files
  _heddlectl_choices "${(@)words[2,CURRENT-1]}"
  [ -n "$files" ] && _files
  compadd -- ${=choices}
}
compdef _heddlectl heddlectl
