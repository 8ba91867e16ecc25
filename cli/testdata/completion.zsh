#compdef heddlectl
# Completion of heddlectl for zsh. Use: source <(heddlectl completion zsh)
_heddlectl_choices() {
  local at='' skip='' previous='' word=''
  choices='' noun='' files=''
  for word in "$@"; do
    if [ -n "$skip" ]; then skip=''; continue; fi
    case "$word" in
    --controller|-o|--output|--timeout-seconds|--identity|--tls-cert-file|--tls-key-file|--tls-ca-file|--tls-server-name|--wait-timeout-seconds|--uses|--ttl|--node|--out|--principal|--role|--after-revision|--peer|--max-peers|--node-timeout-seconds) skip=1; previous="$word" ;;
    -*) ;;
    *)
      case "$at $word" in
      ' network'|' lease'|' node'|' controller'|' token'|' cert'|' backup'|' restore'|' watch'|' status'|' doctor'|' completion'|'network show'|'network set'|'network check'|'network plan'|'lease list'|'lease show'|'lease reserve'|'lease release'|'node list'|'node show'|'node renumber'|'node accept'|'node allow-address'|'node remove'|'controller list'|'controller status'|'controller step-down'|'token create'|'token list'|'token delete'|'cert list'|'cert revoke'|'cert create'|'cert show'|'cert renew'|'completion bash'|'completion zsh'|'completion fish') at="${at:+$at }$word" ;;
      esac
      ;;
    esac
  done
  if [ -n "$skip" ]; then
    case "$previous" in
    -o|--output) choices='table wide json yaml name' ;;
    --identity) files=1 ;;
    --tls-cert-file) files=1 ;;
    --tls-key-file) files=1 ;;
    --tls-ca-file) files=1 ;;
    --out) files=1 ;;
    --role) choices='viewer admin controller' ;;
    esac
    return
  fi
  case "$at" in
  '') choices='network lease node controller token cert backup restore watch status doctor completion --help --controller --output --timeout-seconds --version --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name --insecure' ;;
  'network') choices='show set check plan --help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'network show') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'network set') choices='--help --drain --wait --wait-timeout-seconds --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' files=1 ;;
  'network check') choices='--help --drain --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' files=1 ;;
  'network plan') choices='--help --drain --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' files=1 ;;
  'lease') choices='list show reserve release --help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'lease list') choices='--help --resting --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'lease show') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'lease reserve') choices='--help --wait --wait-timeout-seconds --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'lease release') choices='--help --wait --wait-timeout-seconds --yes --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'node') choices='list show renumber accept allow-address remove --help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'node list') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'node show') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'node renumber') choices='--help --finish --wait --wait-timeout-seconds --yes --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'node accept') choices='--help --wait --wait-timeout-seconds --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'node allow-address') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'node remove') choices='--help --wait --wait-timeout-seconds --yes --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'controller') choices='list status step-down --help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'controller list') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'controller status') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=controller ;;
  'controller step-down') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'token') choices='create list delete --help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'token create') choices='--help --uses --ttl --node --out --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'token list') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'token delete') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=token ;;
  'cert') choices='list revoke create show renew --help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'cert list') choices='--help --all --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'cert revoke') choices='--help --node --principal --release --yes --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=cert ;;
  'cert create') choices='--help --role --out --ttl --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'cert show') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' files=1 ;;
  'cert renew') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'backup') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' files=1 ;;
  'restore') choices='--help --replace --dry-run --yes --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' files=1 ;;
  'watch') choices='--help --after-revision --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'status') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'doctor') choices='--help --peer --max-peers --node-timeout-seconds --verbose --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' noun=node ;;
  'completion') choices='bash zsh fish --help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'completion bash') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'completion zsh') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
  'completion fish') choices='--help --controller --output --timeout-seconds --identity --tls-cert-file --tls-key-file --tls-ca-file --tls-server-name' ;;
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
