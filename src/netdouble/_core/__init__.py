"""DECIDE: messages, matching, routes and the router. Standard library only; nothing here waits or opens anything."""
