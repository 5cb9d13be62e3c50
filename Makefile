# Shortcuts: each installs what is missing and calls one command of `bnbook`, which does the same where there is no make.
PYTHON ?= python3
BNBOOK = .venv/bin/python -m bnbook

.DEFAULT_GOAL := help
.PHONY: help install lab test full matrix browser site notebooks bench gpu offline offline-check reset clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

install: ## make or repair .venv (the others do it too; PYTHON=python3.12 chooses the Python)
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: there is no $(PYTHON) here."; exit 1; }
	@$(PYTHON) bnbook/install.py

lab: install ## open JupyterLab on your own copy of the notebooks, in work/ (ARGS=--no-browser prints its address only)
	$(BNBOOK) lab $(ARGS)

test: install ## lint, run the tests, run every notebook and compare every output (ARGS="02 05" for these notebooks only)
	$(BNBOOK) test $(ARGS)

full: install ## what takes minutes: a thousand healthy nets, other doctors, nets of torchvision and timm where they are installed
	.venv/bin/python -m pip install -q -c constraints.txt -e .[dev,site]
	.venv/bin/python -m pytest -q -m full tests/diagnose tests/test_matrix.py tests/test_site.py

matrix: install ## do notebooks and evidence say the same on other processors? (some 40 minutes; goes on where it was; ARGS="07 08")
	.venv/bin/python tests/matrix.py $(ARGS)

browser: install ## go through every notebook and the web site in a real browser, which is installed where there is none (some 15 minutes; axe-core needs npm; ARGS="-k 02")
	.venv/bin/python -m pip install -q -c constraints.txt -e .[site]
	.venv/bin/python -m pytest -q -m browser tests/test_browser.py tests/test_site.py $(ARGS)

site: install ## make the web site in build/site from the notebooks as they are stored (a minute)
	.venv/bin/python -m pip install -q -c constraints.txt -e .[site]
	.venv/bin/python docs/build.py

notebooks: install ## execute every notebook in notebooks/ and store its outputs
	$(BNBOOK) notebooks

bench: install ## time every version of BatchNorm on this machine (ARGS="64x64x32x32 --rounds 30", or --readme)
	$(BNBOOK) bench $(ARGS)

gpu: ## on a machine with an NVIDIA GPU, with its own Python: tests, accuracy, speed (WHEELS=folder of missing packages)
	$(PYTHON) -m bnbook gpu $(if $(WHEELS),--wheels $(WHEELS)) $(ARGS)

offline: install ## fill build/offline for a USB stick (ARGS="--platform windows --python 3.12")
	rm -rf build/offline
	$(BNBOOK) offline build/offline $(ARGS)

offline-check: install ## install from build/offline with no package index and run notebook 00 (a minute)
	$(BNBOOK) offline build/offline --check

reset: install ## NOTEBOOK=02 takes the course's notebook again and keeps yours beside it
	$(BNBOOK) reset "$(NOTEBOOK)"

clean: ## remove .venv, build/ and all caches (never your work/)
	rm -rf .venv .venv-broken .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find bnbook tests notebooks -name __pycache__ -prune -exec rm -rf {} +
