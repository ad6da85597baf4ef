# make lessons   runs every lesson on the built-in data, offline, and writes build/report.html
# make test      style, imports, unit tests, and every lesson compared with its committed outputs
# make book      the lessons, claims and results as a static site, build/book/index.html
# Each sets up .venv first, once, through uv where there is one. Another Python: make test PYTHON=python3.12;
# without uv: make test UV=

.PHONY: lessons test book
# A person's own settings stay out: .venv alone decides what is imported and how it runs, pip installs there and
# nowhere else (how it reaches an index is kept), and git is not held to the repository whose hook calls make.
kept := GIT_CONFIG% PYTHONNOUSERSITE PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONUNBUFFERED PIP_USER \
    $(addprefix PIP_,CONFIG_FILE INDEX_URL EXTRA_INDEX_URL FIND_LINKS NO_INDEX TRUSTED_HOST CERT CLIENT_CERT PROXY \
    KEYRING_PROVIDER CACHE_DIR NO_CACHE_DIR TIMEOUT DEFAULT_TIMEOUT RETRIES)
unexport $(filter-out $(kept),$(filter GIT_% PIP_% PYTHON%,$(.VARIABLES)))
export PYTHONNOUSERSITE = 1
# Also against `user = true` in a pip.conf
export PIP_USER = 0

lessons: .venv/installed
	@status=0; \
	.venv/bin/python -m helpers.course.cli run || status=$$?; \
	.venv/bin/python -m helpers.course.cli report || status=$$?; \
	exit $$status

test: .venv/installed
	@status=0; \
	.venv/bin/python -m ruff check . || status=$$?; \
	.venv/bin/python -m ruff format --check . || status=$$?; \
	.venv/bin/lint-imports || status=$$?; \
	.venv/bin/python -m pytest -n 2 --dist loadfile || status=$$?; \
	exit $$status

book: .venv/installed
	@.venv/bin/python -m helpers.course.book

# .venv is built again when what it holds is out of date, when it does not start or was broken off before it had
# pip, and when PYTHON asks for another version than it has.
has := $(shell .venv/bin/python -V 2>/dev/null)
wanted := $(if $(PYTHON),$(shell $(PYTHON) -V 2>&1),$(has))
ifneq ($(has),$(wanted))
.PHONY: .venv/installed
else ifeq ($(has),)
.PHONY: .venv/installed
endif

# uv does not read where pip is told to look for packages; where it fails, pip tries.
UV := $(shell command -v uv)
packages := -c constraints.txt -e '.[test]'
pip := .venv/bin/python -m pip
by_uv := ! $(pip) config list | grep -qE 'index|links' && $(UV) pip install --python .venv/bin/python $(packages)

usable := import sys; sys.version_info < (3, 11) and sys.exit("it is Python %d.%d" % sys.version_info[:2]); import venv, ensurepip

.venv/installed: pyproject.toml constraints.txt
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	    why=$$($$python -c '$(usable)' 2>&1) && found=$$python && break; \
	    tried="$$tried  $$python: $$(printf '%s' "$$why" | tail -n 1)\n"; \
	done; \
	if [ -z "$$found" ]; then \
	    printf '%b' "The course needs Python 3.11 or newer with its venv module. Tried:\n$$tried" >&2; \
	    echo "Install one (on Debian or Ubuntu: sudo apt install python3-venv), or name one that you have:" >&2; \
	    echo "make $(or $(MAKECMDGOALS),lessons) PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	echo "Setting up .venv with $$found: once, a few minutes, a download of several gigabytes on Linux."; \
	if [ "$$(.venv/bin/python -V 2>/dev/null)" != "$$($$found -V)" ] || ! $(pip) --version >/dev/null 2>&1; then \
	    $$found -m venv --clear .venv || exit 1; \
	fi; \
	{ $(if $(UV),$(by_uv) ||) $(pip) install $(packages); } && touch $@
