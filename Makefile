# `make demo` and `make test` set up all that they need.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest

.PHONY: demo test coverage test-slow test-longest test-lowest check docs site benchmark plugins sounds browser

demo: $(VENV)/installed
	$(BIN)/python scripts/demo.py

# Several tests at a time: most of them are one process that waits for one core. PyTorch's threads of several processes
# wait for each other, spinning: each test has one.
test test-slow test-longest test-lowest coverage: export OMP_NUM_THREADS := 1
PYTEST := -m pytest --numprocesses auto --maxprocesses 4

test: check
	$(BIN)/python $(PYTEST) -m "not slow"

coverage: $(VENV)/installed
	$(BIN)/python $(PYTEST) -m "not slow" --cov=synthgym --cov=agents --cov-report=term:skip-covered

# The slow tests but for those that take minutes each and meet what changes seldom; these are test-longest.
LONGEST := test_demo or test_cluster or test_cuda or test_sweep or test_instruments or test_dx7_engine or test_torture \
	or test_amsynth_is_trained or test_killed_at_any_moment or test_a_set_and_what
test-slow: $(VENV)/installed
	$(BIN)/python $(PYTEST) -m slow -k "not ($(LONGEST))"

test-longest: $(VENV)/installed
	$(BIN)/python $(PYTEST) -m slow -k "$(LONGEST)"

# The tests of `make test` in which a library's version may matter, with the lowest that pyproject.toml allows: those that
# meet each library's interface, of two synths. What the others show is our own code's.
TRIED := $(patsubst %,tests/test_%.py,agents datasets decimation embedding envs evaluation features film guided \
	intervals learning libraries model_files notes package pages parameters patches pitch plugin_kinds program recordings \
	requirements resume scripts spec studio sweep training transformer vector_envs)
OTHERS := Dexed2Op or Dexed3Op or Dexed4Op or Dexed5Op or Dexed6Op or Granulator or Plugin-v0 or PluginGoal or kill or damage \
	or bad_input

test-lowest: $(LOWEST)/installed
	$(LOWEST)/bin/python $(PYTEST) $(TRIED) -m "not slow" -k "not ($(OTHERS))"

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The plugins that tests play, where Debian's packages can be had; elsewhere those tests are skipped.
plugins:
	-test -e /usr/lib/vst/amsynth_vst.so -a -e /usr/lib/lv2/mda.lv2 \
		-a -e /usr/lib/lv2/calf.lv2 -a -e /usr/lib/vst/Nekobi-vst.so -a -e /usr/lib/lv2/Kars.lv2 || \
		(apt-get update -qq && apt-get install -y -qq --no-install-recommends \
		amsynth mda-lv2 calf-plugins dpf-plugins) > /dev/null

# The DX7 voices and the soundfont that tests measure with, and what plays it, likewise.
sounds:
	-test -e /usr/share/hexter -a -e /usr/share/sounds/sf2/TimGM6mb.sf2 -a -e /usr/bin/fluidsynth || \
		(apt-get update -qq && apt-get install -y -qq --no-install-recommends \
		hexter fluidsynth timgm6mb-soundfont) > /dev/null

# The browser that tests open pages in, likewise.
browser:
	-test -e /usr/bin/chromium || \
		(apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) > /dev/null

docs: $(VENV)/installed
	$(BIN)/python scripts/document_envs.py

# The site, in build/site. It needs no network: what it shows and plays is rendered by the real engines first.
site: export OMP_NUM_THREADS := 1
site: $(VENV)/installed
	$(BIN)/python scripts/render_site.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "to read it: $(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site"

benchmark: $(VENV)/installed
	$(BIN)/python scripts/benchmark.py

# Made anew when what it installs has changed.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("synthgym needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[agents,ray,dev,libraries]"
	touch $@

# Likewise, of the lowest versions.
$(LOWEST)/installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -c 'import sys; sys.exit("the lowest versions are those of Python 3.11: make PYTHON=python3.11 test-lowest") if sys.version_info[:2] != (3, 11) else 0'
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable ".[agents,ray,dev]"
	touch $@
