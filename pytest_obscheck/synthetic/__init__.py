"""The synthetic target: a process of its own that exposes series which somebody wrote down.

Series are written in the notation of promtool's unit tests, and pass on a clock that begins with the story.
"""
