"""The web tasks: studio and gateway on one port, behind the load balancer."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.load_balancer import LoadBalancer
from cdk_src.login import Login
from cdk_src.task import PORT, Container, Platform, Task


class WebService(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        platform: Platform,
        login: Login,
        load_balancer: LoadBalancer,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        self.alb = load_balancer.alb
        self.task = Task(
            self,
            "Task",
            configuration=configuration,
            platform=platform,
            size=(configuration.web_cpu, configuration.web_memory_mib),
            preparation=platform.database.preparation,
            container=Container(
                command=["prompt-app", "start", "--no-worker", "--no-browser"],
                environment={
                    "PROMPT_APP_HOST": "0.0.0.0",
                    "PROMPT_APP_PORT": str(PORT),
                    **environment,
                    **login.environment,
                },
                secrets={**platform.database.secrets_of("web"), **login.secrets},
                serves=True,
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
            desired_count=configuration.web_count,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            # The first start migrates a database that may have to wake up.
            health_check_grace_period=Duration.minutes(3),
        )
        self.target_group = load_balancer.listener.add_targets(
            "Web",
            port=PORT,
            protocol=elbv2.ApplicationProtocol.HTTP,
            targets=[self.service],
            # A browser's uploads and websocket go to the replica that holds its session.
            stickiness_cookie_duration=Duration.hours(12),
            deregistration_delay=Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path="/_stcore/health",
                healthy_http_codes="200",
                interval=Duration.seconds(15),
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        self.service.connections.allow_from(self.alb, ec2.Port.tcp(PORT), "Load balancer")
        scaling = self.service.auto_scale_task_count(
            min_capacity=configuration.web_count, max_capacity=configuration.web_max_count
        )
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=60)
