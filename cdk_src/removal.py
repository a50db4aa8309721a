"""What a configuration means for resources that hold data."""

from __future__ import annotations

from aws_cdk import CfnResource, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs

from cdk_src.configuration import Configuration

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


def removal_policy(configuration: Configuration) -> RemovalPolicy:
    return RemovalPolicy.DESTROY if configuration.destroys_data else RemovalPolicy.RETAIN


def limit_function_logs(stack: Stack, configuration: Configuration) -> None:
    """Let every function of the stack write to one log group that expires, also those that the
    library makes; each would else make its own, which never does. To be called last."""
    functions = [
        each
        for each in stack.node.find_all()
        if isinstance(each, CfnResource) and each.cfn_resource_type == "AWS::Lambda::Function"
    ]
    if not functions:
        return
    group = logs.LogGroup(
        stack,
        "FunctionLog",
        retention=log_retention(configuration),
        removal_policy=RemovalPolicy.DESTROY,
    )
    for function in functions:
        function.add_property_override("LoggingConfig", {"LogGroup": group.log_group_name})


def log_retention(configuration: Configuration) -> logs.RetentionDays:
    return _RETENTION[configuration.log_retention_days]
