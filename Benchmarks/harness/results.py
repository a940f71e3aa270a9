# SPDX-License-Identifier: Apache-2.0
"""Puts the results where they stay: a document for people, and every run for programs."""
import json
import os
import platform

from harness import table


def write(directory, records, figures, machine, command, name):
    document = table.document(records, figures, machine, command)
    keep(directory, document, {"machine": machine, "command": command, "cases": records}, name)


def keep(directory, document, data, name):
    os.makedirs(directory, exist_ok=True)
    machine = data["machine"]
    stem = os.path.join(directory, f"{machine['date']}-{platform.node()}-{name}")
    with open(stem + ".md", "w", encoding="utf-8") as file:
        file.write(document)
    with open(stem + ".json", "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
    print(document)
    print(f"written: {stem}.md and .json")
