"""The inbox: a process of its own that stands between the stack and the rest of the world.

Every connection that production would open to another host comes here instead. The forward proxy carries it to the
stack's own member behind that name, answers it as a sink, or refuses it and remembers who asked. Nothing leaves 127.0.0.1.
"""
