# The commands of this repository. `make` alone lists them.
PYTHON ?= python3
RATHAUS = @.venv/bin/python -m rathaus
.DEFAULT_GOAL := help
.PHONY: help env up demo test prove bench lint format promises contracts lock down status clean

help: ## diese Liste
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
env: ; @$(PYTHON) rathaus/bootstrap.py
up: env ## alles einrichten, das ganze Rathaus starten, den Hauptfall vorführen; Strg-C hält es an
	$(RATHAUS) up
demo: env ## den Hauptfall im laufenden Rathaus noch einmal vorführen (JSON=1: als Daten)
	$(RATHAUS) demo $(if $(JSON),--json)
test: env ## alles prüfen: Stil, Typen, Importregeln, Verträge, alle Tests samt Browser
	$(RATHAUS) test
prove: env ## die langen Beweise
	$(RATHAUS) prove
bench: env ## Messungen, jede als Verhältnis zu einer Grenze desselben Laufs
	$(RATHAUS) bench
lint: env ## nur Stil, Typen und Importregeln
	$(RATHAUS) lint
format: env ## Quelltext in Form bringen
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .
promises: env ## Versprechen, ihre Tests und deren letztes Ergebnis
	$(RATHAUS) promises
contracts: env ## Schemas, AsyncAPI und Themenseite neu erzeugen
	@.venv/bin/python -m contracts.generate
lock: env ## requirements.txt und die Prüfsummen der Java-Pakete neu festschreiben
	$(RATHAUS) lock
down: env ## ein laufendes Rathaus anhalten
	$(RATHAUS) down
status: env ## zeigen, was läuft und was jemanden braucht (JSON=1: als Daten)
	$(RATHAUS) status $(if $(JSON),--json)
clean: env ## die Daten des Rathauses löschen (CACHE=1: auch Geladenes und Abgeleitetes)
	$(RATHAUS) clean $(if $(CACHE),--cache)
