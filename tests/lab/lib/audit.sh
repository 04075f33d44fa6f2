# `lab audit`: who sent how many API requests, from the API servers' audit logs (lab up --audit, or LAB_AUDIT=1).

audit() {
  local c args=()
  need_up
  [ "$LAB_AUDIT" = 1 ] || die "no audit log (run: lab up --audit)"
  if [ "${1:-}" = --mark ]; then
    # Later counts start here.
    for c in "${CLUSTERS[@]}"; do cluster "$c"; stat -c %s "$LOGS/audit.log" > "$STATE/audit.mark"; done
    return
  fi
  if [ "${1:-}" = -v ]; then args+=(-v); fi
  for c in "${CLUSTERS[@]}"; do
    cluster "$c"
    args+=("$C" "$(cat "$STATE/audit.mark" 2>/dev/null || echo 0)" "$LOGS/audit.log")
  done
  python3 "$HERE/files/audit.py" "${args[@]}"
}
