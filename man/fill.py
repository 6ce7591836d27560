#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts what "pawl help --scdoc" says into the manual's page, and the version into its head."""
import subprocess
import sys

pawl, source, target = sys.argv[1:]
commands = subprocess.run([pawl, "help", "--scdoc"], check=True, capture_output=True, text=True).stdout
with open(source) as file:
    page = file.read()
if page.count("@COMMANDS@") != 1:
    sys.exit(f"{source}: @COMMANDS@ must stand in it once")
with open(target, "w") as file:
    file.write(page.replace("@COMMANDS@", commands))
