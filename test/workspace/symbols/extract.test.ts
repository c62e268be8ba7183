import { describe, expect, it } from 'vitest';
import { extract, isReadable } from '../../../src/workspace/symbols/extract.ts';

describe('definitions', () => {
  it.each([
    [
      'a.ts',
      '/** Adds. And more. */\nimport { b } from "../x/y.ts";\nimport z from "./dir/index.ts";\nexport async function add() {}\nexport default class Sum {}\nexport interface Row {}\nconst helper = (a) => a;\nconst local = 3;\nexport const LIMIT = 1;\n  function inner() {}\n',
      'function:4:add class:5:Sum type:6:Row function:7:helper const:9:LIMIT',
      'y dir',
    ],
    ['a.cjs', "const x = require('./lib/x');\nmodule.exports.run = () => 1;\n", 'const:2:run', 'x'],
    [
      'a.py',
      'import os.path\nfrom .models import User\nMAX = 3\nclass Cart:\n    def total(self):\n        def inner(): pass\n    async def pay(self): pass\ndef main(): pass\n',
      'const:3:MAX class:4:Cart method:5:total method:7:pay function:8:main',
      'path models',
    ],
    [
      'a.go',
      'package a\nimport (\n\t"fmt"\n\tx "example.org/y/queue"\n)\ntype Job struct{}\nfunc (j *Job) Run() {}\nfunc New() *Job { return nil }\n',
      'type:6:Job method:7:Run function:8:New',
      'fmt queue',
    ],
    [
      'a.rs',
      'use crate::store::Db;\npub mod util;\npub struct Row;\nimpl Row {\n    pub fn new() -> Self { Row }\n}\nfn main() {}\n',
      'module:2:util type:3:Row method:5:new function:7:main',
      'Db util',
    ],
    [
      'A.java',
      'import org.x.Util;\npublic class A {\n    public static int add(int a) { return a; }\n    private int b() { return 1; }\n}\n',
      'class:2:A method:3:add',
      'Util',
    ],
    [
      'a.c',
      '#include "list.h"\nstruct node {\n};\nstatic int push(struct node *n) {\n  return if_(n);\n}\n',
      'type:2:node function:4:push',
      'list',
    ],
    [
      'a.rb',
      'require_relative "cart"\nmodule Shop\n  class Cart\n    def total\n',
      'class:2:Shop class:3:Cart method:4:total',
      'cart',
    ],
    [
      'a.php',
      '<?php\nuse App\\Models\\User;\nfinal class Cart {\n    public function total() {}\n}\n',
      'class:3:Cart method:4:total',
      'User',
    ],
    [
      'a.ex',
      'defmodule Shop.Cart do\n  alias Shop.Item\n  def total(cart), do: cart\n',
      'class:1:Shop.Cart function:3:total',
      'Item',
    ],
    ['a.sh', '#!/bin/sh\nbuild() {\n  true\n}\n', 'function:2:build', ''],
    ['a.sql', 'CREATE TABLE IF NOT EXISTS jobs (id int);\n', 'table:1:jobs', ''],
  ])('of %s', (path, text, defines, uses) => {
    expect(extract(path, text)).toMatchObject({ defines, uses });
  });

  it('are bounded, and a broken or hostile text costs little', () => {
    const functions = Array.from({ length: 500 }, (_, at) => `export function f${at}() {}`).join('\n');
    expect(extract('a.js', functions).defines.split(' ')).toHaveLength(40);
    for (const path of ['a.js', 'a.c', 'a.java', 'a.py', 'a.rs', 'a.md', 'package.json']) {
      for (const piece of ['public ', '/*', 'a &*:', '((', '//\n', '"', ' \t', 'export ', '# ']) {
        expect(extract(path, piece.repeat(20_000)).summary.length).toBeLessThanOrEqual(120);
      }
    }
  });
});

describe('what a file says it is', () => {
  it.each([
    [
      'a.ts',
      '/**\n * Copyright 2020 X\n */\n// eslint-disable\n/** Reads rows. Then more. */\n',
      'Reads rows.',
    ],
    ['a.js', "'use strict';\n// Adds two numbers\n// together\n\nx();", 'Adds two numbers together'],
    ['a.py', '#!/usr/bin/env python3\n"""Keeps carts.\n\nLong story."""\n', 'Keeps carts.'],
    ['a.rb', '# frozen_string_literal: true\n\n# Sums carts\nclass A', 'Sums carts'],
    ['a.go', '// Licensed under X\n\n// Package a queues jobs.\npackage a', 'Package a queues jobs.'],
    ['README.md', '![badge](x)\n# The `tool` for [you](http://x)\n', 'The tool for you'],
    ['package.json', '{"name": "x",\n  "description": "Adds things. Well."}', 'Adds things.'],
    ['pyproject.toml', '[project]\ndescription = "A shop"\n', 'A shop'],
    ['a.ts', 'export const x = 1; // no comment\n', ''],
  ])('in %s', (path, text, summary) => {
    expect(extract(path, text).summary).toBe(summary);
  });

  it('is read of sources and titles only', () => {
    expect(['a.ts', 'b/README.md', 'Cargo.toml'].every(isReadable)).toBe(true);
    expect(['a.png', 'data.json', 'Makefile', '.ts'].some(isReadable)).toBe(false);
  });
});
