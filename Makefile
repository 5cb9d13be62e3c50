# Everything a person types here. Windows has no make: README.md says which commands stand for `lab` and `test`.
PYTHON ?= python3
BNBOOK = .venv/bin/python -m bnbook

.DEFAULT_GOAL := help
.PHONY: help install lab test full matrix browser site notebooks bench gpu reset clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

install: ## make or repair .venv (the others do it too; PYTHON=python3.12 chooses the Python)
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: there is no $(PYTHON) here."; exit 1; }
	@$(PYTHON) bnbook/install.py

lab: install ## open JupyterLab on your own copy of the notebooks, in work/ (ARGS=--no-browser prints its address only)
	$(BNBOOK) lab $(ARGS)

test: install ## lint, run the tests, run every notebook and compare every output
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -c "import matplotlib.font_manager" # its font cache: made once here, not by every notebook
	.venv/bin/python -m pytest -q tests notebooks --nbval --nbval-current-env --nbval-cell-timeout=120 -n 2 --dist loadfile

full: install ## what takes minutes: thousands of healthy nets, other doctors, nets of torchvision and timm where they are installed
	.venv/bin/python -m pip install -q -c constraints.txt -e .[dev,site]
	.venv/bin/python -m pytest -q -m full tests/diagnose tests/test_matrix.py tests/test_site.py

matrix: install ## do notebooks and evidence say the same on other processors? (some 40 minutes; goes on where it was; ARGS="07 08")
	.venv/bin/python tests/matrix.py $(ARGS)

browser: install ## drive JupyterLab and the web site in a real browser (needs chromium and, for axe-core, npm; some minutes)
	.venv/bin/python -m pip install -q -c constraints.txt -e .[site]
	.venv/bin/python -m pytest -q -m browser tests/test_browser.py tests/test_site.py

site: install ## make the web site in build/site from the notebooks as they are stored (a minute)
	.venv/bin/python -m pip install -q -c constraints.txt -e .[site]
	.venv/bin/python docs/build.py

notebooks: install ## execute every notebook in notebooks/ and store its outputs
	$(BNBOOK) notebooks

bench: install ## time every version of BatchNorm on this machine (ARGS="64x64x32x32 --rounds 30", or --readme)
	$(BNBOOK) bench $(ARGS)

gpu: ## on a machine with an NVIDIA GPU, with its own Python: tests, accuracy, speed (WHEELS=folder of missing packages)
	$(PYTHON) -m bnbook gpu $(if $(WHEELS),--wheels $(WHEELS)) $(ARGS)

reset: install ## NOTEBOOK=02 takes the course's notebook again and keeps yours beside it
	$(BNBOOK) reset "$(NOTEBOOK)"

clean: ## remove .venv and all caches (never your work/)
	rm -rf .venv .venv-broken .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find bnbook tests notebooks -name __pycache__ -prune -exec rm -rf {} +
