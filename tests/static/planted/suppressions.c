/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Exceptions with and without a reason. Compiled by nobody. */
int planted_a; /* NOLINT */ /* fault */
int planted_b; /* NOLINT(bugprone-sizeof-expression) */ /* fault */
int planted_c; /* NOLINT(bugprone-sizeof-expression): this one has its reason */
int planted_d; /* cppcheck-suppress unusedVariable */ /* fault */
int planted_e; /* cppcheck-suppress unusedVariable ; this one has its reason */
int planted_f; /* -Wanalyzer-malloc-leak */ /* fault */
int planted_g; /* -Wanalyzer-malloc-leak: this one has its reason */
#pragma GCC diagnostic ignored "-Wconversion" /* fault */
