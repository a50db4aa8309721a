"""The workers that run evaluations, and the queue that wakes them."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.task import Container, Platform, Task


class RunQueue(Construct):
    """Messages that a run has work; one that fails five times becomes a dead letter."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(4),
            visibility_timeout=Duration.minutes(30),
            receive_message_wait_time=Duration.seconds(20),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=5),
        )

    def grant_send(self, role: iam.IRole) -> None:
        """Let ``role`` send messages; its client looks at the queue's length."""
        self.queue.grant(role, "sqs:SendMessage", "sqs:GetQueueAttributes")

    def grant_receive(self, role: iam.IRole) -> None:
        """Let ``role`` take messages, and give them back."""
        self.queue.grant(
            role, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"
        )

    def unfinished(self) -> cloudwatch.MathExpression:
        """Messages that wait plus those that a worker is busy with."""
        period = Duration.minutes(1)
        return cloudwatch.MathExpression(
            expression="waiting + busy",
            label="Unfinished messages",
            period=period,
            using_metrics={
                "waiting": self.queue.metric_approximate_number_of_messages_visible(
                    period=period, statistic="Maximum"
                ),
                "busy": self.queue.metric_approximate_number_of_messages_not_visible(
                    period=period, statistic="Maximum"
                ),
            },
        )


class Workers(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        platform: Platform,
        queue: RunQueue,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        self.queue = queue
        self.task = Task(
            self,
            "Task",
            configuration=configuration,
            platform=platform,
            size=(configuration.worker_cpu, configuration.worker_memory_mib),
            container=Container(
                command=["prompt-app", "worker"],
                environment=environment,
                secrets=platform.database.secrets_of("worker"),
            ),
        )
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=platform.cluster,
            task_definition=self.task.definition,
            security_groups=[self.task.security_group],
            vpc_subnets=platform.network.private,
            assign_public_ip=False,
            desired_count=configuration.worker_count,
            # A run survives the loss of its worker, so one may stop before its successor starts.
            min_healthy_percent=0,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
        )
        scaling = self.service.auto_scale_task_count(
            min_capacity=configuration.worker_count, max_capacity=configuration.worker_max_count
        )
        scaling.scale_on_metric(
            "Queue",
            metric=queue.unfinished(),
            adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            cooldown=Duration.minutes(2),
            scaling_steps=[
                autoscaling.ScalingInterval(upper=0, change=-1),
                autoscaling.ScalingInterval(lower=1, upper=50, change=1),
                autoscaling.ScalingInterval(lower=50, change=2),
            ],
        )
        queue.grant_send(self.task.definition.task_role)
        queue.grant_receive(self.task.definition.task_role)
