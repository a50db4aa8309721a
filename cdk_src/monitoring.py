"""Alarms, a dashboard and a budget."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.database import Database
from cdk_src.web_service import WebService
from cdk_src.workers import Workers

_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)


class Monitoring(Construct):
    """Alarms show their state always and send mail where an address is configured."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        web: WebService,
        workers: Workers,
        database: Database,
    ) -> None:
        super().__init__(scope, id)
        self._topic = self._make_topic(configuration.alarm_email)
        metrics, queue = web.alb.metrics, workers.queue
        five_hundreds = cloudwatch.MathExpression(
            expression="FILL(app, 0) + FILL(balancer, 0)",
            label="5xx",
            period=_FIVE_MINUTES,
            using_metrics={
                "app": metrics.http_code_target(
                    elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=_FIVE_MINUTES
                ),
                "balancer": metrics.http_code_elb(
                    elbv2.HttpCodeElb.ELB_5XX_COUNT, period=_FIVE_MINUTES
                ),
            },
        )
        hosts = web.target_group.metrics
        unhealthy = hosts.unhealthy_host_count(period=_MINUTE, statistic="Maximum")
        healthy = hosts.healthy_host_count(period=_MINUTE, statistic="Maximum")
        age = queue.queue.metric_approximate_age_of_oldest_message(period=_MINUTE)
        dead = queue.dead_letters.metric_approximate_number_of_messages_visible(period=_MINUTE)
        capacity = database.cluster.metric_acu_utilization(period=_FIVE_MINUTES)
        alarms = [
            self._alarm("ServerErrors", five_hundreds, 5, 1, "5 or more answers of 5xx in 5 min"),
            self._alarm("UnhealthyHosts", unhealthy, 1, 5, "A web task is unhealthy for 5 min"),
            self._alarm("NoHealthyHost", healthy, 1, 3, "No web task for 3 min", is_floor=True),
            self._alarm("QueueAge", age, 900, 5, "A message has waited for 15 min"),
            self._alarm("DeadLetters", dead, 1, 1, "A message failed five times"),
            self._alarm("DatabaseCapacity", capacity, 90, 3, "Database above 90% for 15 min"),
        ]
        self._make_dashboard(
            alarms,
            [
                ("Requests", [metrics.request_count(period=_MINUTE)], [five_hundreds]),
                ("Answer time", [metrics.target_response_time(period=_MINUTE)], []),
                ("Web tasks", [web.service.metric_cpu_utilization()], [healthy, unhealthy]),
                ("Workers", [workers.service.metric_cpu_utilization()], []),
                ("Queue", [queue.unfinished(), dead], [age]),
                ("Database", [capacity], [database.cluster.metric_database_connections()]),
            ],
        )
        self._make_budget(configuration)

    def _make_topic(self, email: str | None) -> sns.Topic | None:
        if email is None:
            return None
        # CloudWatch cannot publish to a topic that the account's default key encrypts.
        key = kms.Key(
            self,
            "TopicKey",
            description="Alarms of the prompt studio",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _alarm(
        self,
        id: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        periods: int,
        description: str,
        *,
        is_floor: bool = False,
    ) -> cloudwatch.Alarm:
        """Alarm from the threshold on; below a floor, where nothing measured is too little."""
        over = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        under = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        missing = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=under if is_floor else over,
            treat_missing_data=missing.BREACHING if is_floor else missing.NOT_BREACHING,
            alarm_description=description,
        )
        if self._topic is not None:
            alarm.add_alarm_action(actions.SnsAction(self._topic))
            alarm.add_ok_action(actions.SnsAction(self._topic))
        return alarm

    def _make_dashboard(
        self,
        alarms: list[cloudwatch.Alarm],
        graphs: list[tuple[str, list[cloudwatch.IMetric], list[cloudwatch.IMetric]]],
    ) -> None:
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(12))
        dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=3)
        )
        widgets = [
            cloudwatch.GraphWidget(title=title, left=left, right=right, width=8, height=6)
            for title, left, right in graphs
        ]
        for start in range(0, len(widgets), 3):
            dashboard.add_widgets(*widgets[start : start + 3])

    def _make_budget(self, configuration: Configuration) -> None:
        email, limit = configuration.alarm_email, configuration.monthly_budget_usd
        if email is None or limit == 0:
            return
        levels = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=limit, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(
                            subscription_type="EMAIL", address=email
                        )
                    ],
                )
                for kind, percent in levels
            ],
        )
