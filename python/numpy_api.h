// The NumPy C API, included the same way everywhere: one translation unit (module.cc) imports it,
// the others share its table.
#pragma once

#define NPY_NO_DEPRECATED_API NPY_1_20_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL sardonyx_numpy_api
#ifndef SARDONYX_IMPORT_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <Python.h>
#include <numpy/arrayobject.h>
