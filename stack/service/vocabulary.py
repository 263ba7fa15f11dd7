"""The words that the service lets into labels: each list is closed, so that nobody outside can make a series."""

from __future__ import annotations

from typing import Literal, get_args

Source = Literal["web", "mobile", "api", "other"]
Timeframe = Literal["daily", "weekly", "monthly"]
ModelType = Literal["text", "image", "audio"]
ModelName = Literal["small", "large"]
OperationType = Literal["embed", "classify", "summarize"]
TransactionType = Literal["transfer", "mint", "swap"]

SOURCES: tuple[str, ...] = get_args(Source)
TIMEFRAMES: tuple[str, ...] = get_args(Timeframe)
MODEL_TYPES: tuple[str, ...] = get_args(ModelType)
MODEL_NAMES: tuple[str, ...] = get_args(ModelName)
OPERATION_TYPES: tuple[str, ...] = get_args(OperationType)
TRANSACTION_TYPES: tuple[str, ...] = get_args(TransactionType)
OUTCOMES = ("success", "failed")
TRANSACTION_OUTCOMES = ("submitted", "confirmed", "failed")
PAYMENT_OUTCOMES = ("success", "refused", "timeout", "error")
SUBMISSIONS = ("accepted", "rejected")
QUEUE = "celery"
"""The one queue, under the name that Celery gives it."""
