"""Who may ask what: one policy decides for every Request and every call, one audit sink is fed by the run record.

A policy wraps tools; no tool holds an if about roles. The single-user policy allows what the person at this machine
may do anyway, and keeps a request inside its camera scope. Roles, consent and the audit chain are further policies
behind the same two methods.
"""

from viot_agent.policy.base import AuditSink, Policy, SingleUserPolicy

__all__ = ["AuditSink", "Policy", "SingleUserPolicy"]
